#include "services/email/email.h"

int main(int argc, char **argv)
{
    return service_run(argc, argv, &email_service);
}

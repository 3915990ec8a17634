#include "services/identity/identity.h"

int main(int argc, char **argv)
{
    return service_run(argc, argv, &identity_service);
}

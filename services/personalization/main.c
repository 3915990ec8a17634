#include "services/personalization/personalization.h"

int main(int argc, char **argv)
{
    return service_run(argc, argv, &personalization_service);
}

#include "services/registry/registry.h"

int main(int argc, char **argv)
{
    return service_run(argc, argv, &registry_service);
}

#include "services/gateway/gateway.h"

int main(int argc, char **argv)
{
    return service_run(argc, argv, &gateway_service);
}

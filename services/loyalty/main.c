#include "services/loyalty/loyalty.h"

int main(int argc, char **argv)
{
    return service_run(argc, argv, &loyalty_service);
}

#include "services/commerce/commerce.h"

int main(int argc, char **argv)
{
    return service_run(argc, argv, &commerce_service);
}

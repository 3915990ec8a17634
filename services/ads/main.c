#include "services/ads/ads.h"

int main(int argc, char **argv)
{
    return service_run(argc, argv, &ads_service);
}

#include "services/analytics/analytics.h"

int main(int argc, char **argv)
{
    return service_run(argc, argv, &analytics_service);
}

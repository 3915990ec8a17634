#include "services/campaign/campaign.h"

int main(int argc, char **argv)
{
    return service_run(argc, argv, &campaign_service);
}

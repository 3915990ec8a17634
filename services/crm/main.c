#include "services/crm/crm.h"

int main(int argc, char **argv)
{
    return service_run(argc, argv, &crm_service);
}

#include "services/search/search.h"

int main(int argc, char **argv)
{
    return service_run(argc, argv, &search_service);
}

#include "services/content/content.h"

int main(int argc, char **argv)
{
    return service_run(argc, argv, &content_service);
}

#include "platform/service/tests/example/example.h"

int main(int argc, char **argv)
{
    return service_run(argc, argv, &example_service);
}

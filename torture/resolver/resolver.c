/* A resolver that can be made to fail. Preloaded into a program.

   RESOLVER_MOOD  a file that holds, while there is a fault, one line: MILLISECONDS ERROR
                  each look-up lasts so long and then ends with that error of getaddrinfo

   Without a fault every name, known or made up, is this machine. Addresses are not looked up, and
   so never fail. A look-up keeps the fault that it began with, as one that was sent to a dead name
   server does. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int is_address(const char *name)
{
    unsigned char octets[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, name, octets) == 1 || inet_pton(AF_INET6, name, octets) == 1;
}

static int mood(void)
{
    long milliseconds = 0;
    int error = 0;
    const char *path = getenv("RESOLVER_MOOD");
    FILE *file = path ? fopen(path, "re") : NULL;
    if (!file)
        return 0;
    int found = fscanf(file, "%ld %d", &milliseconds, &error);
    fclose(file);
    struct timespec pause = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    if (found == 2)
        nanosleep(&pause, NULL);
    return found == 2 ? error : 0;
}

int getaddrinfo(const char *name, const char *port, const struct addrinfo *hints,
                struct addrinfo **found)
{
    static int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    if (!next)
        next = dlsym(RTLD_NEXT, "getaddrinfo");
    if (!name || is_address(name) || !getenv("RESOLVER_MOOD"))
        return next(name, port, hints, found);
    int error = mood();
    return error ? error : next("127.0.0.1", port, hints, found);
}

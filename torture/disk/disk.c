/* A disk that can be made to fail, and that writes down what it was told and what it was asked to
   make durable. Preloaded into a program; only what lies below DISK_DIRECTORY is concerned.

   DISK_RECORD  a file that gets one record for each change, flush and promise, in their order
   DISK_FAULT   a file that holds, while there is a fault, one line: POINT ACTION
                POINT   operation:kind, either may be "any"; operation is open, write, truncate,
                        sync, unlink, reply or look (statvfs, which then tells of EROFS and ENOSPC as
                        a disk does); kind is content, log, database, directory, client
                ACTION  errno NUMBER | kill-before | kill-within | kill-after

   CLOCK_OFFSET a file with the seconds by which the program's clock is wrong, if there is any

   One lock is held over each call and its record, so that the order of the records is the order
   of the calls: a reply that is recorded behind a flush was given when the flush had returned. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define PROMISE "250 2.0.0 Ok: queued as "
#define PROMISE_LENGTH (sizeof PROMISE - 1)
#define ID_LENGTH 26

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *directory, *fault_file, *offset_file;
static size_t directory_length;
static int record_file = -1;

/* Called again by a program that was forked, and has got another environment since. */
__attribute__((constructor)) void begin_disk(void)
{
    directory = getenv("DISK_DIRECTORY");
    fault_file = getenv("DISK_FAULT");
    offset_file = getenv("CLOCK_OFFSET");
    directory_length = directory ? strlen(directory) : 0;
    const char *record = getenv("DISK_RECORD");
    if (directory && record)
        record_file = syscall(SYS_openat, AT_FDCWD, record,
                              O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    unsetenv("LD_PRELOAD"); /* not for the programs that this one starts */
}

/* What is behind a file descriptor: a path below the directory, or the wire to a client. */

static int is_ours(const char *path)
{
    return directory && !strncmp(path, directory, directory_length) &&
           (path[directory_length] == 0 || path[directory_length] == '/');
}

static const char *name_of(const char *path)
{
    return path[directory_length] ? path + directory_length + 1 : "";
}

static int path_of(int fd, char *path)
{
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, 4095);
    if (length < 0)
        return 0;
    path[length] = 0;
    return is_ours(path);
}

static int ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), wanted = strlen(end);
    return length >= wanted && !strcmp(name + length - wanted, end);
}

static const char *kind_of(const char *name)
{
    if (!*name)
        return "directory";
    if (ends_with(name, ".eml"))
        return "content";
    if (ends_with(name, "-wal"))
        return "log";
    return ends_with(name, ".sqlite3") ? "database" : "other";
}

/* Faults. */

static int is_said(const char *path, char *said, size_t most)
{
    int file = path ? syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return 0;
    ssize_t length = syscall(SYS_read, file, said, most - 1);
    syscall(SYS_close, file);
    said[length > 0 ? length : 0] = 0;
    return length > 0;
}

struct fault {
    int error;
    char when; /* 'b'efore, 'w'ithin, 'a'fter, or 0 */
};

static int is_word(const char *said, const char *word, size_t length)
{
    return (length == 3 && !strncmp(said, "any", 3)) ||
           (length == strlen(word) && !strncmp(said, word, length));
}

static struct fault fault_at(const char *operation, const char *kind)
{
    struct fault none = {0, 0}, found = {0, 0};
    char said[128], action[32] = "";
    if (!is_said(fault_file, said, sizeof said))
        return none;
    char *colon = strchr(said, ':'), *space = strchr(said, ' ');
    if (!colon || !space || colon > space || !is_word(said, operation, colon - said) ||
        !is_word(colon + 1, kind, space - colon - 1))
        return none;
    sscanf(space, "%31s %d", action, &found.error);
    if (!strncmp(action, "kill-", 5))
        found.when = action[5];
    return found;
}

static void die_if(struct fault fault, char when)
{
    if (fault.when == when) {
        syscall(SYS_kill, getpid(), SIGKILL);
        for (;;)
            pause();
    }
}

/* The record: kind, length of name, offset, length of octets; name; octets. */

static void record(char kind, const char *name, uint64_t offset, const void *octets, uint64_t length)
{
    if (record_file < 0)
        return;
    char head[19];
    uint16_t name_length = strlen(name);
    head[0] = kind;
    memcpy(head + 1, &name_length, 2);
    memcpy(head + 3, &offset, 8);
    memcpy(head + 11, &length, 8);
    struct iovec parts[3] = {
        {head, sizeof head}, {(void *)name, name_length}, {(void *)octets, length}};
    syscall(SYS_writev, record_file, parts, 3);
}

static ssize_t changed(int fd, const char *path, const void *octets, size_t length, off_t offset,
                       ssize_t (*call)(int, const void *, size_t, off_t))
{
    const char *name = name_of(path);
    pthread_mutex_lock(&lock);
    struct fault fault = fault_at("write", kind_of(name));
    die_if(fault, 'b');
    ssize_t done = -1;
    if (fault.error)
        errno = fault.error;
    else
        done = call(fd, octets, fault.when == 'w' ? length / 2 : length, offset);
    int error = errno;
    if (done > 0)
        record('W', name, offset, octets, done);
    die_if(fault, 'w');
    die_if(fault, 'a');
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

static ssize_t write_at(int fd, const void *octets, size_t length, off_t offset)
{
    return syscall(SYS_pwrite64, fd, octets, length, offset);
}

static ssize_t write_on(int fd, const void *octets, size_t length, off_t offset)
{
    (void)offset;
    return syscall(SYS_write, fd, octets, length);
}

/* Replies: recorded before they are on the wire. */

static struct fault promised(const void *octets, size_t length)
{
    struct fault fault = {0, 0};
    const char *found = memmem(octets, length, PROMISE, PROMISE_LENGTH);
    if (!found)
        return fault;
    pthread_mutex_lock(&lock);
    fault = fault_at("reply", "client");
    die_if(fault, 'b');
    while (found) {
        size_t left = length - (found - (const char *)octets);
        if (left >= PROMISE_LENGTH + ID_LENGTH)
            record('A', "", 0, found + PROMISE_LENGTH, ID_LENGTH);
        found = memmem(found + 1, left - 1, PROMISE, PROMISE_LENGTH);
    }
    pthread_mutex_unlock(&lock);
    return fault;
}

/* The calls. */

ssize_t write(int fd, const void *octets, size_t length)
{
    char path[4096];
    if (directory && path_of(fd, path))
        return changed(fd, path, octets, length, syscall(SYS_lseek, fd, 0, SEEK_CUR), write_on);
    struct fault fault = directory ? promised(octets, length) : (struct fault){0, 0};
    ssize_t done = syscall(SYS_write, fd, octets, length);
    die_if(fault, 'a');
    return done;
}

ssize_t pwrite(int fd, const void *octets, size_t length, off_t offset)
{
    char path[4096];
    if (directory && path_of(fd, path))
        return changed(fd, path, octets, length, offset, write_at);
    return write_at(fd, octets, length, offset);
}

ssize_t pwrite64(int fd, const void *octets, size_t length, off64_t offset)
{
    return pwrite(fd, octets, length, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    struct fault fault = {0, 0};
    for (int part = 0; directory && part < count; part++) {
        struct fault found = promised(parts[part].iov_base, parts[part].iov_len);
        fault = found.when ? found : fault;
    }
    ssize_t done = syscall(SYS_writev, fd, parts, count);
    die_if(fault, 'a');
    return done;
}

ssize_t send(int fd, const void *octets, size_t length, int flags)
{
    struct fault fault = directory ? promised(octets, length) : (struct fault){0, 0};
    ssize_t done = syscall(SYS_sendto, fd, octets, length, flags, NULL, 0);
    die_if(fault, 'a');
    return done;
}

static int flushed(int fd, int number)
{
    char path[4096];
    if (!directory || !path_of(fd, path))
        return syscall(number, fd);
    const char *name = name_of(path);
    pthread_mutex_lock(&lock);
    struct fault fault = fault_at("sync", kind_of(name));
    die_if(fault, 'b');
    int done = fault.error ? -1 : syscall(number, fd);
    int error = fault.error ? fault.error : errno;
    record(done ? 'E' : *name ? 'S' : 'D', name, 0, "", 0);
    die_if(fault, 'a');
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

int fsync(int fd)
{
    return flushed(fd, SYS_fsync);
}

int fdatasync(int fd)
{
    return flushed(fd, SYS_fdatasync);
}

int ftruncate(int fd, off_t length)
{
    char path[4096];
    if (!directory || !path_of(fd, path))
        return syscall(SYS_ftruncate, fd, length);
    pthread_mutex_lock(&lock);
    struct fault fault = fault_at("truncate", kind_of(name_of(path)));
    die_if(fault, 'b');
    int done = fault.error ? -1 : syscall(SYS_ftruncate, fd, length);
    int error = fault.error ? fault.error : errno;
    if (!done)
        record('T', name_of(path), length, "", 0);
    die_if(fault, 'a');
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

int ftruncate64(int fd, off64_t length)
{
    return ftruncate(fd, length);
}

int unlink(const char *path)
{
    if (!is_ours(path))
        return syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    const char *name = name_of(path);
    pthread_mutex_lock(&lock);
    struct fault fault = fault_at("unlink", kind_of(name));
    die_if(fault, 'b');
    int done = fault.error ? -1 : syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    int error = fault.error ? fault.error : errno;
    if (!done)
        record('U', name, 0, "", 0);
    die_if(fault, 'a');
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

static int opened(const char *path, int flags, mode_t mode)
{
    int creates = (flags & O_CREAT) && is_ours(path);
    struct fault fault = creates ? fault_at("open", kind_of(name_of(path))) : (struct fault){0, 0};
    if (fault.error) {
        errno = fault.error;
        return -1;
    }
    die_if(fault, 'b');
    int fd = syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (creates && fd >= 0) {
        int error = errno;
        pthread_mutex_lock(&lock);
        record('C', name_of(path), 0, "", 0);
        pthread_mutex_unlock(&lock);
        die_if(fault, 'a');
        errno = error;
    }
    return fd;
}

int open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return opened(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return opened(path, flags | O_LARGEFILE, mode);
}

int statvfs64(const char *path, struct statvfs64 *found)
{
    static int (*next)(const char *, struct statvfs64 *);
    if (!next)
        next = dlsym(RTLD_NEXT, "statvfs64");
    int done = next(path, found);
    if (done || !is_ours(path))
        return done;
    int error = fault_at("look", kind_of(name_of(path))).error;
    if (error == EROFS)
        found->f_flag |= ST_RDONLY;
    if (error == ENOSPC)
        found->f_bavail = 0;
    return 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    char said[32];
    int done = syscall(SYS_clock_gettime, clock, now);
    if (!done && clock == CLOCK_REALTIME && offset_file && is_said(offset_file, said, sizeof said))
        now->tv_sec += atol(said);
    return done;
}

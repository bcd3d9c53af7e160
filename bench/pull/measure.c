/* Runs a command and tells what it cost, one line of JSON on standard output.
 *
 *     measure SECONDS COMMAND...
 *
 * The command's own output goes to standard error.  It is killed after SECONDS.  This is a
 * program of its own because a process's peak memory counts from before its exec, so a
 * Python that starts it would be measured. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t child;

static void give_up(int number)
{
    (void)number;
    kill(child, SIGKILL);
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

int main(int argc, char **argv)
{
    struct timespec from, to;
    struct rusage used;
    int status;

    if (argc < 3)
        return fprintf(stderr, "usage: measure SECONDS COMMAND...\n"), 2;
    clock_gettime(CLOCK_MONOTONIC, &from);
    child = fork();
    if (child == 0) {
        dup2(2, 1);
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    signal(SIGALRM, give_up);
    signal(SIGTERM, give_up);
    alarm((unsigned)atoi(argv[1]));
    while (child < 0 || wait4(child, &status, 0, &used) < 0)
        if (child < 0)
            return perror("measure"), 1;
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("{\"code\": %d, \"wall\": %.4f, \"cpu\": %.4f, \"rss\": %ld}\n",
           WIFEXITED(status) ? WEXITSTATUS(status) : -1,
           (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) * 1e-9,
           seconds(used.ru_utime) + seconds(used.ru_stime), used.ru_maxrss * 1024);
    return 0;
}

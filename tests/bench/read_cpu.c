/* SPDX-License-Identifier: MIT */
/*
 * Reads of one file through two paths: CPU time of the calling thread, which a
 * busy machine disturbs less than wall time. Interleaved; prints the ratio
 * second / first (1 = the first path costs as much), median and quartiles.
 *
 *	cc -O2 -o read_cpu tests/bench/read_cpu.c
 *	./read_cpu MNT/whole.seg INDEX/segments/<seq>.seg
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RUNS 31

static char buffer[1 << 20];

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static void sequential(int fd, off_t size)
{
	for (int round = 0; round < 6; round++)
		for (off_t at = 0; at < size; at += sizeof(buffer))
			must(pread(fd, buffer, sizeof(buffer), at) > 0,
			     "pread");
}

static void random_pread(int fd, off_t size)
{
	uint64_t x = 88172645463325252u;

	for (int i = 0; i < 60000; i++)
		must(pread(fd, buffer, 4096,
			   (off_t)(next_random(&x) % (uint64_t)(size / 4096)) *
				   4096) == 4096,
		     "pread");
}

static void random_map(int fd, off_t size)
{
	volatile char *map =
		mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
	uint64_t x = 88172645463325252u;

	must(map != MAP_FAILED, "mmap");
	for (int i = 0; i < 200000; i++)
		(void)map[next_random(&x) % (uint64_t)size];
	munmap((void *)map, (size_t)size);
}

static double run(const char *path, void (*job)(int fd, off_t size))
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	double start;

	must(fd >= 0 && !fstat(fd, &st), path);
	start = cpu_seconds();
	job(fd, st.st_size);
	start = cpu_seconds() - start;
	close(fd);
	return start;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*job)(int fd, off_t size);
	} jobs[] = {
		{ "sequential, pread of 1 MiB", sequential },
		{ "random, pread of 4 KiB", random_pread },
		{ "random, mmap", random_map },
	};
	double ratios[RUNS], first, second;

	if (argc != 3) {
		fprintf(stderr, "usage: read_cpu MOUNTED BACKING\n");
		return 2;
	}
	for (size_t k = 0; k < sizeof(jobs) / sizeof(jobs[0]); k++) {
		for (int i = -1; i < RUNS; i++) { /* the first warms up */
			if (i & 1) {
				first = run(argv[1], jobs[k].job);
				second = run(argv[2], jobs[k].job);
			} else {
				second = run(argv[2], jobs[k].job);
				first = run(argv[1], jobs[k].job);
			}
			if (i >= 0)
				ratios[i] = second / first;
		}
		qsort(ratios, RUNS, sizeof(*ratios), compare);
		printf("%s: %.3f (%.3f to %.3f)\n", jobs[k].name,
		       ratios[RUNS / 2], ratios[RUNS / 4],
		       ratios[3 * RUNS / 4]);
	}
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ranks FILE STATUS: how many ranks can open FILE, after they have sent each other
 * more than fits into a message; each ends with STATUS. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIZE = 4 << 20, ROUNDS = 20 };

int main(int argc, char **argv)
{
	static char large[SIZE];
	int rank, size, mine, sum = 0;
	FILE *file;

	if (argc != 3)
		return 2;
	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	file = fopen(argv[1], "r");
	mine = file != NULL;
	for (int i = 0; i < ROUNDS; i++)
		MPI_Bcast(large, SIZE, MPI_CHAR, i % size, MPI_COMM_WORLD);
	MPI_Allreduce(&mine, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
	if (rank == 0)
		printf("%d of %d\n", sum, size);
	MPI_Finalize();
	return atoi(argv[2]);
}

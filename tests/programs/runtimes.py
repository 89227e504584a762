# SPDX-License-Identifier: GPL-2.0-or-later
"""Small programs for the large runtimes, put beside them in their trees."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.places import need_tool

TEXTS = {
    "node": {
        "index.js": "module.exports = require('./lib')\n",
        "lib/package.json": '{"name": "a library", "main": "main.js"}\n',
        "lib/main.js": "exports.name = require('./package.json').name\n",
        "worker.js": (
            "require('worker_threads').parentPort.postMessage('from a worker of '"
            " + __filename)\n"
        ),
    },
    "java": {
        "Main.java": """
import java.nio.file.*;
import java.util.concurrent.*;
import java.util.stream.*;
public class Main {
    public static void main(String[] words) throws Exception {
        Path root = Path.of(System.getenv("R"));
        System.out.println("home " + System.getProperty("java.home"));
        try (Stream<Path> found = Files.walk(root.resolve("app"))) {
            found.sorted().forEach(System.out::println);
        }
        try {
            Files.writeString(root.resolve("app/new"), "text");
        } catch (FileSystemException error) {
            System.out.println(error.getMessage());
        }
        System.out.println(root.resolve("app/../app").toRealPath());
        ExecutorService pool = Executors.newFixedThreadPool(4);
        var sizes = pool.invokeAll(java.util.Collections.nCopies(4,
            () -> Files.readAllBytes(root.resolve("app/Main.java")).length));
        for (var size : sizes) System.out.println(size.get());
        pool.shutdown();
        Process child = new ProcessBuilder("ls", root + "/app").inheritIO().start();
        System.out.println("status " + child.waitFor() + " threads " + sizes.size());
    }
}
""",
    },
    "go": {
        "go.mod": "module example.org/program\n\ngo 1.19\n",
        "main.go": """
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

func main() {
	root := os.Getenv("R") + "/app"
	filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		fmt.Println(path, info.Size(), info.Mode())
		return err
	})
	fmt.Println(os.WriteFile(root+"/new", nil, 0o644), os.Remove(root+"/main.go"))
	var group sync.WaitGroup
	sizes := make([]int, 200)
	for i := range sizes {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			text, _ := os.ReadFile(root + "/main.go")
			sizes[i] = len(text)
		}(i)
	}
	group.Wait()
	out, err := exec.Command("ls", root).Output()
	fmt.Println("goroutines", sizes[0] == sizes[199], string(out), err)
}
""",
    },
    "rust": {
        "main.rs": """
use std::{env, fs, process::Command, thread};
fn main() {
    let root = format!("{}/app", env::var("R").unwrap());
    let mut names: Vec<_> = fs::read_dir(&root).unwrap().map(|e| e.unwrap().path()).collect();
    names.sort();
    println!("{:?} {:?}", names, fs::write(format!("{}/new", root), "x"));
    println!("{:?}", fs::canonicalize(format!("{}/../app", root)));
    let threads: Vec<_> = (0..8).map(|_| { let path = format!("{}/main.rs", root);
        thread::spawn(move || fs::read(path).unwrap().len()) }).collect();
    let sizes: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
    let child = Command::new("ls").arg(&root).status().unwrap();
    println!("read {} by {} threads, {:?}", sizes[0], sizes.len(), child.code());
}
""",
    },
    "mpi": {
        "ring.c": """
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
enum { COUNT = 1 << 21 };
int main(int argc, char **argv) {
    int rank, size, sum; char line[64] = ""; FILE *file;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    snprintf(line, sizeof(line), "%s/app/text", getenv("R"));
    file = fopen(line, "r");
    if (!file || !fgets(line, sizeof(line), file)) return 1;
    MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    printf("rank %d of %d: %s", rank, size, line);
    /* Large ones go by process_vm_readv (CMA). */
    int *big = calloc(COUNT, sizeof(int)), left = (rank + size - 1) % size;
    for (int i = 0; i < COUNT; i++) big[i] = rank * 7 + i;
    MPI_Sendrecv_replace(big, COUNT, MPI_INT, (rank + 1) % size, 0, left, 0,
                         MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    for (int i = 0; i < COUNT; i++) if (big[i] != left * 7 + i) return 2;
    if (rank == 0) printf("sum %d\\n", sum);
    MPI_Finalize();
    return 0;
}
""",
        "text": "a text in cvmfs\n",
    },
}


def add(name: str, tree: Path) -> None:
    """The program of a runtime, in app/."""
    for file, text in TEXTS[name].items():
        path = tree / "app" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip())


def node(tree: Path, shown: str) -> None:
    add("node", tree)
    (tree / "app/link").symlink_to("../app/lib")


def java(tree: Path, shown: str) -> None:
    """What Debian keeps in /etc is the tree's own too."""
    add("java", tree)
    home = next((tree / "usr/lib/jvm").glob("java-*-openjdk-*"))
    for link in home.rglob("*"):
        if link.is_symlink() and str(link.readlink()).startswith("/etc/"):
            target = str(link.readlink())
            link.unlink()
            link.symlink_to(shown + target)


def go(tree: Path, shown: str) -> None:
    add("go", tree)


def rust(tree: Path, shown: str) -> None:
    add("rust", tree)


def mpi(tree: Path, shown: str) -> None:
    add("mpi", tree)
    words = [need_tool("mpicc", "libopenmpi-dev"), "-o", tree / "app/ring"]
    subprocess.run([*words, tree / "app/ring.c"], check=True)

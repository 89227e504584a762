// SPDX-License-Identifier: GPL-2.0-or-later

// workload TOP ROUNDS: the same kinds of calls as workload.c, as Go makes them.
package main

import (
	"fmt"
	"os"
	"strconv"
)

func main() {
	rounds, _ := strconv.Atoi(os.Args[2])
	sum := 0
	for ; rounds > 0; rounds-- {
		for _, name := range []string{"/README", "/dir/nested", "/no/where"} {
			if info, err := os.Stat(os.Args[1] + name); err == nil {
				sum += int(info.Size())
			}
			if text, err := os.ReadFile(os.Args[1] + name); err == nil {
				sum += len(text)
			}
		}
		if names, err := os.ReadDir(os.Args[1]); err == nil {
			sum += len(names)
		}
	}
	fmt.Println(sum)
}

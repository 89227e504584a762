# SPDX-License-Identifier: GPL-2.0-or-later
"""Shells and small tools that live in /cvmfs, each compared with its native run."""

from __future__ import annotations

import pytest

from tests.support.workflow import Row, Workflow

# Blocks of 512 bytes are counted as the official client does: docs/compatibility.md.
BLOCKS = (r"(?m)^total \d+$", "total N")
GIT = """
export GIT_EXEC_PATH=$R/usr/lib/git-core GIT_TEMPLATE_DIR=$R/usr/share/git-core/templates
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_PAGER=cat
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=A
export GIT_COMMITTER_EMAIL=a@example.org
export GIT_AUTHOR_DATE='1600000000 +0000' GIT_COMMITTER_DATE='1600000000 +0000'
"""
INDEX = r"\.git/index$"  # times and inode numbers of the working tree

ROWS = [
    Row(
        "bash-login",
        "base",
        r"""
        cat > ~/.bash_profile <<'END'
        PATH=$R/usr/bin:/usr/bin; export FROM_PROFILE=yes; umask 027; cd "$R/data"; shopt -s globstar nullglob
END
        bash -l -c '
            shopt -q login_shell && echo login; echo $FROM_PROFILE $PWD $OLDPWD; umask
            echo **/file\ *.txt | md5sum; echo out/* dangling/* relative/*
            cd deep; pwd; pwd -P; cd ../..; pwd; cd data; cd -P absolute; pwd; dirs
            [[ -r ../run.sh && -x ../run.sh && ! -w ../run.sh && -L ../out ]] && echo tests
            diff <(ls ../part_1) <(ls ../part_3) && echo same
            coproc cat; echo through >&${COPROC[1]}; read -u ${COPROC[0]} x; echo $x
            eval "exec ${COPROC[1]}>&-"; wait
            type -a bash ls; hash -p ../run.sh runner; cd ..; ./run.sh one "two three"
            . run.sh sourced; exec -a other bash -c "echo \$0"
        '
        echo > "$R/data/new" || echo "redirection: $?"
        exec bash "$R/data/run.sh" last
        """,
        shows="(?s)login\nyes /cvmfs.*tests.*through.*redirection: 2.*run.sh: last",
    ),
    Row(
        "bash-interactive",
        "base",
        r"""
        printf "PS1='ready> '\nPS2='more> '\n" > ~/.bashrc
        # No shell: one that is stopped between vfork and exec hangs, natively too.
        cat > ~/loop <<'END'
$| = 1; $SIG{CONT} = sub { print "again\n" }; print "started\n"; sleep 1000 while 1
END
        cat > ~/lines <<'END'
ready> 	cd $R/data; pwd; echo $- | tr -d '\n' | sed 's/[^im]//g'; echo
ready> 	for i in 1 2; do
more> 	./run.sh $i; done
ready> 	perl ~/loop
started\r\n	^Z
ready> 	jobs
ready> 	fg
again\r\n	^C
ready> 	sh -c 'kill -STOP $$; echo behind'
ready> 	bg > /dev/null; wait; echo waited
ready> 	echo status $?; cat
status 0\r\n	typed
typed\r\ntyped\r\n	^D
ready> 	set -o vi; ls rel*
ready> 	exit 3
END
        TERM=dumb python3 $INSIDE/terminal.py ~/lines bash -i
        """,
        shows=r"(?s)Stopped.*behind.*status 0.*status 3",
        # Said or not, as the job ends before `wait` looks or after.
        unlike=((r"\[1\]\+  Done .*\n", ""),),
        needs="python3",
    ),
    Row(
        "dash",
        "base",
        r"""
        exec dash -eu -c '
            cd $R/data/relative; pwd; cd ..; pwd; cd -P relative; pwd; echo *
            for f in *; do test -r "$f" && wc -c < "$f"; done
            trap "echo on exit" EXIT; set -- $(ls -d ../[01]); echo $#; command -v ls
            { sleep 0 & wait $!; } && echo waited; (exit 4) || echo $?
            kill -l 15; ulimit -n; read line < "$R/data/run.sh"; echo "$line"
            cat <<END | tr a-z A-Z
here $PWD
END
            : > here || echo "cannot: $?"
        '
        """,
        shows="(?s)waited.*HERE /CVMFS",
        status=2,
    ),
    Row(
        "coreutils-read",
        "base",
        r"""
        cd $R/data
        ls -la . part_*; ls -RlnU . | sort; ls -ld out dangling/ || echo $?
        du --apparent-size -la . | sort; du -s --inodes .; du --apparent-size -clL part_1 deep | sort
        stat -c '%n %F %a %u %g %s %h %Y %N' * part_1/*; stat -L -c '%n %s %F' deep again.sh
        test run.sh -ef again.sh && echo same; test run.sh -ef ../sums || echo other
        realpath deep out dangling absolute/../part_0 .; realpath --relative-to=part_1 deep
        readlink -f deep/../1 dangling nowhere/at/all || echo $?; readlink -e nowhere || echo $?
        readlink out absolute; pwd; env -C relative pwd; basename "$(pwd -P)"
        sha256sum -c --quiet ../sums && echo sums; md5sum out nothere || echo $?
        cat part_?/?/* | sort | uniq -c | sort -n | tail -3; wc -c part_1/*/*; tac run.sh
        head -c 20 part_5/1/*; tail -n 1 part_3/3/*; od -c run.sh; cmp run.sh again.sh
        split -n 3 --filter=md5sum 'part_5/3/file 59.txt'; shuf --random-source=run.sh -i 1-9
        timeout 0.2 sleep 1000 || echo $?; timeout -s KILL 0.2 sleep 1000 || echo $?
        timeout 60 ./run.sh in time; nice -n 5 ./run.sh nice; nohup ./run.sh < run.sh
        """,
        shows="(?s)same\nother.*sums.*124.*137.*nice",
        unlike=(BLOCKS,),
    ),
    Row(
        "coreutils-write",
        "base",
        r"""
        cp -a $R/data copy; cp -rL $R/data/part_1 followed; cp -r --preserve=all $R/data/deep .
        find copy -printf '%p %M %s %n %TY-%Tm-%Td %TT %l\n' | sort
        cp $R/sums sums; cp -u $R/sums sums; cp --reflink=auto --sparse=always $R/sums s2
        install -D -m 640 $R/data/run.sh bin/run; ln -s $R/data/part_1 link; ln -sr link again
        ln $R/sums hard || echo $?; mv $R/sums here || echo $?; rm $R/sums || echo $?
        rm -rf $R/data/part_1 2>&1 | sort || echo $?; rmdir $R/data/empty || echo $?
        mkdir $R/data/new || echo $?; mkdir -p $R/data/empty/a/b || echo $?
        touch $R/sums || echo $?; touch -d @5 $R/data || echo $?; chmod 777 $R/sums || echo $?
        ln -s x $R/data/x || echo $?; mkfifo $R/data/f || echo $?; truncate -s 0 $R/sums || echo $?
        cp sums $R/data/ || echo $?; cp -f sums $R/sums || echo $?; dd if=/dev/null of=$R/sums || echo $?
        echo x | tee -a $R/sums || echo $?; mv sums $R/data || echo $?; mktemp -p $R/data || echo $?
        cp -a link/. linked; tee one < $R/sums > two; cat link/1/*1.txt >> two; sort -o two two
        """,
        shows="copy/run.sh",
        unlike=((r"tmp\.\w{10}", "tmp.RANDOM"),),
    ),
    Row(
        "find-and-grep",
        "base",
        r"""
        cd $R/data
        find . -print0 | sort -z | xargs -0 ls -d | md5sum; find . -type l -o -empty | sort
        find -L . -name '*1.txt' -size +1k | sort; find . -xtype l | sort; find -L . -type l
        find . -samefile run.sh | sort; find . -newermt 2100-01-01; find . -maxdepth 1 -perm -111 | sort
        find . -type f -execdir sh -c 'echo $(pwd) $(wc -c "$1")' x {} \; | sort | tail -4
        find $R/usr/bin -lname '/etc/*' | sort | head -3; find /cvmfs -maxdepth 1
        find . -name '*.txt' -delete 2>&1 | sort; find nothere || echo $?
        grep -rn 'line 5' . | sort | head; grep -R -c line deep | sort; grep -q x nothere || echo $?
        sed -n 1p run.sh; sed -i s/echo/x/ run.sh || echo $?; sed s/echo/print/ run.sh > ~/../here/run
        """,
        shows="(?s)cvmfs/base.*part_",
        unlike=((r"sed\w{6}", "sedRANDOM"),),
    ),
    Row(
        "rsync",
        "base",
        r"""
        rsync -aHAX --numeric-ids $R/data/ copy; rsync -ai --delete $R/data/ copy
        echo more >> copy/run.sh; rsync -aic $R/data/ copy; rsync -an --stats $R/repository/ copy |
            grep -E '^(Number of (regular )?files|Total file)'
        rsync -a --link-dest=$PWD/copy copy/ second; rsync -rLt --copy-links $R/data/deep .
        rsync -a copy/ $R/data/ 2>&1 | sort | head -5; rsync --list-only $R/data/
        """,
        shows="(?s)f.*run.sh.*Number of files",
        unlike=((r"\.run\.sh\.\w{6}", ".run.sh.RANDOM"),),
    ),
    Row(
        "tar",
        "base",
        r"""
        tar -C $R --sort=name --numeric-owner -cf all.tar data sums; tar -tvf all.tar | head -20
        tar -xzf $R/data.tar.gz; tar -dzf $R/data.tar.gz && echo equal; tar -tzf $R/data.tar.gz | wc -l
        tar -C $R -cz --hard-dereference -h data/deep | tar -tz | sort; mkdir o; tar -C o -xf all.tar
        tar -C $R/data -xf all.tar 2>&1 | head -3; gzip -t $R/data.tar.gz; gzip -k $R/sums || echo $?
        tar -C $R -g snapshot -cf level0.tar data; tar -C $R -g snapshot -cvf level1.tar data
        """,
        shows="(?s)data/again.sh.*equal",
        scratch=r"snapshot$|\.tar$",  # incremental ones hold the time of the run
    ),
    Row(
        "git",
        "base",
        GIT
        + r"""
        cd $R/repository; git status; git status --porcelain=v2; git diff; git log --stat --format=fuller
        git log --oneline --graph --all; git show v1; git branch -av; git describe; git grep -n text side
        git blame dir_1/file; git ls-files -s; git rev-parse --show-toplevel HEAD; git fsck --full
        git cat-file -p HEAD^{tree}; git archive --format=tar side | tar -t; git count-objects -v
        git add -A || echo $?; git commit -am no || echo $?; git checkout side || echo $?; git gc || echo $?
        git tag new || echo $?; git fetch . || echo $?; git stash || echo $?; git config a.b c || echo $?
        git worktree list; git -C $R/repository.git log -1 --format=%H; git shortlog -s HEAD
        """,
        shows="(?s)modified: +dir_2/file.*change 5",
    ),
    Row(
        "git-clone",
        "base",
        GIT
        + r"""
        git clone $R/repository one; git clone --bare $R/repository.git bare; git clone -s $R/repository.git s
        git clone file://$R/repository.git two; git clone --depth 1 file://$R/repository.git three
        cd one; git status; git log --oneline; git fetch; git pull; echo x > y; git add y; git commit -m more
        git push origin main:new || echo $?; git remote -v; cd ../two; git checkout side; git merge origin/main
        git rebase HEAD~1; git worktree add ../tree; git submodule add $R/repository.git sub || echo $?
        """,
        shows="(?s)up to date.*change 5",
        scratch=r"index$|\.git/(modules|worktrees)",
    ),
    Row(
        "perl",
        "base",
        r"""
        export PERL5LIB=$L/perl/5.36:$R/usr/share/perl/5.36:$L/perl-base
        exec perl -MFile::Find -MCwd=getcwd,abs_path -MPOSIX -MDigest::SHA -MStorable -e '
            chdir "$ENV{R}/data" or die; print getcwd(), " ", abs_path("deep"), "\n"; my @found;
            find({wanted => sub { push @found, "$File::Find::name " . (-s _ // "-") if lstat }, no_chdir => 1}, ".");
            print map { "$_\n" } sort @found; print join(" ", (stat "run.sh")[2, 3, 7, 9]), "\n";
            print "$INC{q(POSIX.pm)}\n"; my @g = glob "part_?/1/*"; print scalar(@g), "\n";
            open(my $f, ">", "new") or print "$!\n"; mkdir("d") or print $!+0, "\n"; unlink("run.sh") or print "$!\n";
            my $pid = fork // die; exec "./run.sh", "from perl" unless $pid; waitpid $pid, 0; print $? >> 8, "\n";
            print Digest::SHA->new(256)->addfile("again.sh")->hexdigest, "\n"; print `./run.sh in backquotes`;
            opendir(my $d, "."); print join(",", sort readdir $d), "\n"; print -l "out" ? "link\n" : "no\n";
            require "./missing.pl";'
        """,
        shows="(?s)data/part_1/1.*Read-only.*from perl",
        status=2,
    ),
    Row(
        "sqlite",
        "base",
        r"""
        cd $R/db
        sqlite3 plain.db 'select count(*), max(name) from runs; select * from runs where number % 97 = 0'
        sqlite3 plain.db 'insert into runs values (1000, "x")' || echo $?
        sqlite3 -readonly plain.db .schema .databases; sqlite3 plain.db 'pragma integrity_check'
        sqlite3 log.db 'select count(*) from runs' || echo $?
        sqlite3 'file:log.db?immutable=1' 'select count(*), sum(number) from runs'
        sqlite3 ~/../here/mine.db "attach '$R/db/plain.db' as there; create table t as select * from there.runs
            where number < 9; select count(*) from t"; sqlite3 none.db 'create table t (x)' || echo $?
        sqlite3 plain.db '.backup ~/../here/backup.db' || echo $?; sqlite3 plain.db .dump | md5sum
        """,
        shows="(?s)500.run 99.*ok.*500",
    ),
    Row(
        "make",
        "base",
        r"""
        cat > Makefile <<'END'
VPATH = $(R)/data/part_1/1
names = $(patsubst %.txt,%.sum,$(notdir $(shell cd $(R)/data/part_1/3 && ls | tr ' ' _)))
all: $(names) ; @wc -l $(sort $^)
%.sum: ; @md5sum "$(R)/data/part_1/3/$(subst _, ,$*).txt" > $@
include $(R)/sums.none
$(R)/sums.none: ; @echo cannot remake $(notdir $@); false
END
        make -r -j8 || echo $?; sed -i /none/d Makefile; make -r -j8 -Otarget; make -r -q || echo $?
        touch -d 2000-01-01 old; printf 'old: $(R)/sums\n\tcat $< > $@\n' > M; make -f M; make -f M
        """,
        shows="(?s)cannot remake.*total.*up to date",
    ),
    Row(
        "tmux",
        "base",
        r"""
        export TMUX_TMPDIR=$TMPDIR TERM=xterm SHELL=/bin/sh; tmux -V
        tmux -f /dev/null -L own new-session -d -n first -x 90 -y 24 -c $R/data "sh"
        tmux -L own send-keys 'pwd > '$PWD'/out; ls >> '$PWD'/out; tty | cut -c1-9; tmux wait-for -S first' Enter
        tmux -L own wait-for first; cat out; tmux -L own list-windows -F '#{window_index} #{window_name}'
        tmux -L own split-window -c $R/db 'ls > '$PWD'/second; tmux wait-for -S second; exec cat'
        tmux -L own wait-for second; cat second
        tmux -L own display -p '#{pane_current_path}'; tmux -L own kill-server
        """,
        shows="(?s)/data\n.*plain.db",
        # Debian's tmux has a set-group-ID helper.
        unlike=((r"interpose: .*/utempter \(run it outside.*\n", ""),),
    ),
    Row(
        "ssh-client",
        "base",
        r"""
        ssh -V; printf 'Host x\n  User %%u-y\n  Port 99\n' > config; ssh -F config -G x | grep -E '^(user|port|host|ident)' | sort
        ssh-keygen -q -t ed25519 -N '' -C k -f key; ssh-keygen -y -f key | cmp - key.pub && echo pair
        echo text > text; ssh-keygen -q -Y sign -f key -n file text; echo "k $(cat key.pub)" > signers
        ssh-keygen -Y verify -f signers -I k -n file -s text.sig < text
        eval "$(ssh-agent -s)" > /dev/null; ssh-add -q key; ssh-add -l; ssh-agent -k > /dev/null
        ssh -F config -o ProxyCommand='cat $R/data/run.sh' -o StrictHostKeyChecking=no x true 2> /dev/null || echo $?
        ssh -F $R/none x || echo $?
        """,
        shows="(?s)user .*pair.*Good .file. signature.*255",
        unlike=((r"SHA256:\S+", "SHA256:KEY"), (r"port \d+", "port N")),
        scratch="key|sig|signers",
    ),
    Row(
        "debootstrap-tree",
        "base",
        r"""
        unset LD_LIBRARY_PATH; ld=$R/lib64/ld-linux-x86-64.so.2
        within() { program=$1; shift; $ld --library-path $L $R/usr/bin/$program "$@"; }
        $ld --list --library-path $L $R/usr/bin/bash | sed 's/(0x.*//'; $ld --verify $R/bin/ls; echo $?
        within ls -l $R/lib64/; within bash -c 'readlink /proc/self/exe; echo $BASH; . $R/data/run.sh'
        within bash -c 'grep -c cvmfs /proc/self/maps'; within cat $R/etc/debian_version
        within find $R/etc -type f | within sort | within sha256sum; within git --version
        $ld --preload $L/libz.so.1 --library-path $L $R/bin/true; $ld --argv0 other $R/bin/bash -c 'echo $0'
        $ld $R/bin/none || echo $?; $ld $R/data/run.sh || echo $?; $ld --inhibit-cache --library-path $L \
            $R/bin/tar --version | head -1
        """,
        shows=r"(?s)libc.so.6 => /cvmfs.*ld-linux-x86-64.so.2\n.*git version",
        unlike=(BLOCKS,),
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_it_runs_from_cvmfs_as_from_a_directory(workflow: Workflow, row: Row) -> None:
    workflow.same(row)

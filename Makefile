# What a newcomer types. Everything is built by cargo; what the tests use beyond it, tests/tools brings.
#
#   make            builds cfpd, and the tools, which share libcfp.so, beneath target/release
#   make demo       builds, serves, and does the main job on real text (examples/tour.sh)
#   make test       all tests; the last line names those that were left out, which with CFP_ALL=1 is a failure
#   make bench      cfp beside the programs people use now, as a table: benches/bench; ROWS=get,put for some of it
#   make bench-check  fails where a filter or a small request takes 5 % more instructions than benches/instructions.txt says
#   make fuzz       each fuzz target for FUZZ_SECONDS (60)
#   make check      format, lints, API pages, man pages, dependencies: licences, sources, advisories
#   make papers     completions, the option lists of the man pages and contrib/cfpd.conf, from the options that src/bin declares
#   make pictures   the pictures of the page in docs/pictures, by Chromium
#   make install    programs, man pages and completions beneath $(DESTDIR)$(PREFIX)
#   make uninstall  removes exactly what install put there
#   make deb        a Debian package beneath target/debian, by cargo-deb, which it installs where it is missing
#   make static     programs that need no library of the system, beneath target/$(STATIC)/release
#   make image      an OCI image of them, by podman, buildah or docker, named $(IMAGE)

PREFIX  ?= /usr/local
DESTDIR ?=
CARGO   ?= cargo
STATIC  ?= $(shell uname -m)-unknown-linux-gnu
IMAGE   ?= cfp
OCI     ?= $(firstword $(foreach tool,podman buildah docker,$(shell command -v $(tool))))
FUZZ_SECONDS ?= 60

PROGRAMS := cfpd cfp-search cfp-replace cfp-reverse cfp-cat cfp-put cfp-get cfp-sync cfp-ls cfp-mv cfp-cp cfp-rm cfp-shell
SECTIONS := 1 5 7 8
TARGETS  := $(patsubst fuzz/targets/%.rs,%,$(wildcard fuzz/targets/*.rs))
UNITS    := $(notdir $(wildcard contrib/systemd/*.service contrib/systemd/*.socket))

built  := $(or $(CARGO_TARGET_DIR),target)/release
shared := $(built)/lib/cfp
static := $(or $(CARGO_TARGET_DIR),target)/$(STATIC)/release
stage  := $(or $(CARGO_TARGET_DIR),target)/image
prefix := $(DESTDIR)$(PREFIX)
bin    := $(prefix)/bin
lib    := $(prefix)/lib/cfp
man    := $(prefix)/share/man
bash   := $(prefix)/share/bash-completion/completions
zsh    := $(prefix)/share/zsh/site-functions
fish   := $(prefix)/share/fish/vendor_completions.d
units  := $(prefix)/lib/systemd/system
users  := $(prefix)/lib/sysusers.d
config := $(DESTDIR)/etc/cfpd/cfpd.conf

.PHONY: build demo test bench bench-check fuzz check papers pictures install uninstall deb static image

# What the tools have in common is in two libraries, here without what only the compiler reads: the project's own and Rust's
# standard library. A tool that runs keeps those it was started with.
build:
	@command -v $(CARGO) >/dev/null || { echo "make: no $(CARGO) here; https://rustup.rs installs it" >&2; exit 1; }
	RUSTC_WORKSPACE_WRAPPER="$(CURDIR)/.cargo/rustc" $(CARGO) build --release --locked
	@rm -rf $(shared).new && install -d $(shared).new
	@for library in $(built)/libcfp.so "$$($${RUSTC:-rustc} --print target-libdir)"/libstd-*.so; do \
	  strip --strip-unneeded --remove-section=.rustc -o $(shared).new/$${library##*/} "$$library" || exit; \
	done
	@diff -rq $(shared).new $(shared) >/dev/null 2>&1 || { rm -rf $(shared) && mv $(shared).new $(shared); }
	@rm -rf $(shared).new

# Only where nothing is built yet: `sudo make install` needs no cargo after `make`.
$(shared)/libcfp.so:
	@$(MAKE) --no-print-directory build

# The files it serves are beneath target: whoever has a store of his own keeps it untouched.
demo: build
	mkdir -p $(built)/demo
	$(built)/cfpd --root $(built)/demo -- sh examples/tour.sh

# Tests that are left out note it in a file, which the last line shows by reason.
test: notes := $(or $(CARGO_TARGET_DIR),target)/tmp/left_out
test:
	@tests/tools
	@$(MAKE) --no-print-directory build
	@rm -f $(notes)
	@echo $(CARGO) test --locked; $(CARGO) test --locked; status=$$?; \
	[ ! -s $(notes) ] || sort -u $(notes) | awk -F '\t' '{ \
	  printf "%s%s", $$1 == why ? ", " : (NR == 1 ? "left out: " : "; ") $$1 ": ", $$2; why = $$1 \
	} END { print "" }' >&2; exit $$status

# ROWS=help lists the rows; OUT=docs/benchmarks.md writes the table into the page, PLOTS=1 the plots beside it.
bench: build
	python3 benches/bench

# BASELINE=write writes the file instead.
bench-check: build
	python3 benches/bench/instructions.py

# The stable toolchain has no sanitizers, and safe code does without. What is new goes beneath fuzz/target; what is
# worth keeping, `cargo fuzz cmin --sanitizer none NAME` brings into fuzz/corpus, which tests/fuzz.rs reads.
fuzz:
	@command -v cargo-fuzz >/dev/null || { echo "make: no cargo-fuzz here; cargo install cargo-fuzz brings it" >&2; exit 1; }
	for target in $(TARGETS); do \
	  mkdir -p fuzz/target/corpus/$$target && \
	  $(CARGO) fuzz run --sanitizer none $$target fuzz/target/corpus/$$target fuzz/corpus/$$target -- \
	    -max_total_time=$(FUZZ_SECONDS) -max_len=2048 -timeout=20 -print_final_stats=1 || exit; \
	done

# tests/docs/papers.rs holds the files to what this writes.
papers:
	CFP_PAPERS=write $(CARGO) test --quiet --locked --test docs completions_and_man_pages

pictures:
	@tests/tools
	CFP_PICTURES=write $(CARGO) test --quiet --locked --test main page::pictures

check:
	@tests/tools
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps --document-private-items
	@if command -v mandoc >/dev/null; then echo mandoc -Tlint -W warning 'man/*'; mandoc -Tlint -W warning man/*; fi
	@if command -v cargo-deny >/dev/null; then \
	  echo $(CARGO) deny check; $(CARGO) deny check licenses bans sources || exit; \
	  if $(CARGO) deny fetch db >/dev/null 2>&1; then $(CARGO) deny check --disable-fetch advisories; \
	  else echo "make: advisories are not checked: their database cannot be fetched" >&2; fi; \
	fi

# Who may not write /etc gets no config file; cfpd needs none. cfpd stands beside the tools, in bin: `cfpd -- COMMAND` is for
# every user, not for root alone. Libraries of an earlier compiler go once no tool needs them. The loaders of bash and fish look
# for a file named after the program: a link for each.
install: $(shared)/libcfp.so
	install -d $(bin) $(lib) $(bash) $(zsh) $(fish) $(SECTIONS:%=$(man)/man%)
	install -m 644 $(shared)/*.so $(lib)
	install -m 755 $(PROGRAMS:%=$(built)/%) $(bin)
	for library in $(lib)/libstd-*.so; do [ -e $(shared)/$${library##*/} ] || rm $$library || exit; done
	for section in $(SECTIONS); do \
	  for page in man/*.$$section; do [ ! -e $$page ] || install -m 644 $$page $(man)/man$$section || exit; done; \
	done
	install -m 644 completions/bash/cfp $(bash)/cfp
	install -m 644 completions/zsh/_cfp $(zsh)/_cfp
	install -m 644 completions/fish/cfp.fish $(fish)/cfp.fish
	for program in $(PROGRAMS); do \
	  ln -sf cfp $(bash)/$$program && ln -sf cfp.fish $(fish)/$$program.fish || exit; \
	done
	for unit in $(UNITS); do install -D -m 644 contrib/systemd/$$unit $(units)/$$unit || exit; done
	install -D -m 644 contrib/sysusers/cfpd.conf $(users)/cfpd.conf
	[ -e $(config) ] || { [ -z "$(DESTDIR)" ] && [ ! -w /etc ]; } || install -D -m 644 contrib/cfpd.conf $(config)

# The config file stays if it was changed.
uninstall:
	rm -f $(PROGRAMS:%=$(bin)/%)
	rm -f $(lib)/libcfp.so $(lib)/libstd-*.so
	[ ! -d $(lib) ] || rmdir --ignore-fail-on-non-empty $(lib)
	for page in $(notdir $(wildcard man/*.[1-8])); do rm -f $(man)/man$${page##*.}/$$page; done
	rm -f $(bash)/cfp $(PROGRAMS:%=$(bash)/%) $(zsh)/_cfp $(fish)/cfp.fish $(PROGRAMS:%=$(fish)/%.fish)
	rm -f $(UNITS:%=$(units)/%) $(users)/cfpd.conf
	! cmp -s contrib/cfpd.conf $(config) || rm -f $(config)

# DEB takes further options of cargo-deb.
deb: build
	@command -v cargo-deb >/dev/null || $(CARGO) install --locked cargo-deb
	$(CARGO) deb --locked --no-build $(DEB)

# The C library too: a program that runs on any Linux of this architecture. STATIC takes another target with glibc;
# for musl nix has no renameat2.
static:
	RUSTFLAGS="$$RUSTFLAGS -C target-feature=+crt-static" $(CARGO) build --release --locked --bins --target $(STATIC)
	@for program in $(PROGRAMS); do \
	  LC_ALL=C ldd $(static)/$$program 2>&1 | grep -q -e 'statically linked' -e 'not a dynamic executable' || \
	    { echo "make: $(static)/$$program needs a library" >&2; exit 1; }; \
	  $(static)/$$program --version || exit; \
	done

# What contrib/Containerfile looks for: the programs, and the directories that the daemon writes to.
image: static
	@[ "$(OCI)" ] || { echo "make: no podman, buildah or docker here" >&2; exit 1; }
	rm -rf $(stage)
	install -d $(stage)/bin $(stage)/data/srv
	install -d -m 1777 $(stage)/data/tmp $(stage)/data/var/tmp
	install -m 755 $(PROGRAMS:%=$(static)/%) $(stage)/bin
	$(OCI) build --tag $(IMAGE) --file contrib/Containerfile $(stage)

# Forwards to meson, ninja and scripts/.  Nothing is decided here.
#
#   make          build/orion and build/liborion.so
#   make demo     build, then show the whole path against a hub on this machine
#   make check    build, then run every test
#   make san      the tests under AddressSanitizer and UBSan
#   make tsan     the tests of threaded code under ThreadSanitizer
#   make check-same        the same bits in every type, tier, thread count and chunk
#   make check-instructions    instructions of a step, counted against the record; RECORD=1
#   make netfault          pulls through a hub that misbehaves in every way of a table
#   make netfault N=2000   and in random mixtures of them; SEED= repeats a run
#   make killtest          kill -9 at every system call of a pull, an rm and an import
#   make iofault           every system call of these on the store fails
#   make check-server      the server, and npm's clients against it
#   make check-hub-peer    the npm clients of the hub see what orion sees
#   make check-templates   chat templates beside npm's Jinja
#   make check-web         a browser drives the page of the server; ONLY= chooses by name
#   make bench-pull        pulls beside curl and aria2c over slow links; SIZE= RUNS= ONLY=
#   make bench-serve       orion serve under load; ONLY= CLIENTS= SIZE= MODEL= MODELS=
#   make bench-peer        speed and memory beside llama.cpp; RUNS= ONLY= THREADS= TESTS= MODELS=
#   make bench-embed       1,000 short texts to vectors beside llama.cpp; RUNS= ONLY= THREADS= TEXTS= MODELS=
#   make bench-lookup      what guessing ahead gains on given texts; RUNS= ONLY= THREADS= MODELS=
#   make check-tokenizers  ids beside Hugging Face's tokenizers; TEXTS= ONLY=
#   make check-peer        token by token beside llama.cpp; POSITIONS= BIG= MODELS= ONLY= RECORD=1
#   make check-quantize    the quantizer beside llama.cpp's; TYPES= OUT= THREADS=
#   make fuzz     fuzz every parser for a while (clang's libFuzzer)
#   make lint     gcc and clang with -Werror, clang-format, clang-tidy
#   make format   lay the C sources out by .clang-format
#   make clean    remove every build folder

all:
	@scripts/bootstrap build
	@scripts/configure build
	@ninja -C build

demo: all
	@scripts/bootstrap demo
	@scripts/demo

check:
	@scripts/bootstrap check
	@scripts/configure build -Dtests=enabled
	@scripts/check build

san:
	@scripts/bootstrap check
	@scripts/configure build-san -Dtests=enabled -Db_sanitize=address,undefined -Db_lundef=false
	@scripts/check build-san

tsan:
	@scripts/bootstrap check
	@scripts/configure build-tsan -Dtests=enabled -Db_sanitize=thread -Db_lundef=false
	@scripts/check build-tsan --suite threads

check-same:
	@scripts/bootstrap check
	@scripts/configure build -Dtests=enabled
	@ninja -C build
	@scripts/check-same build

check-instructions:
	@scripts/bootstrap check
	@scripts/configure build -Dtests=enabled
	@scripts/check-instructions build $(if $(RECORD),--record)

netfault: all
	@N=$(N) SEED=$(SEED) scripts/netfault build

killtest: all
	@scripts/killtest build killtest

iofault:
	@scripts/bootstrap check
	@scripts/configure build -Dtests=enabled
	@ninja -C build
	@meson test -C build --print-errorlogs io_store
	@scripts/killtest build iofault

check-hub-peer: all
	@scripts/check-hub-peer build

check-server:
	@scripts/bootstrap check
	@scripts/configure build -Dtests=enabled
	@scripts/check-server build

check-templates:
	@scripts/bootstrap check
	@scripts/configure build -Dtests=enabled
	@scripts/check-templates build

check-web: all
	@scripts/bootstrap web
	@scripts/check-web build "$(ONLY)"

bench-pull: all
	@scripts/bootstrap bench
	@SIZE=$(SIZE) RUNS=$(RUNS) ONLY="$(ONLY)" scripts/bench-pull build

bench-serve: all
	@scripts/bootstrap bench
	@ONLY="$(ONLY)" CLIENTS="$(CLIENTS)" SIZE=$(SIZE) MODEL=$(MODEL) MODELS=$(MODELS) \
	    scripts/bench-serve build

bench-peer: all
	@RUNS=$(RUNS) ONLY="$(ONLY)" THREADS="$(THREADS)" TESTS=$(TESTS) MODELS=$(MODELS) \
	    scripts/bench-peer build

bench-embed: all
	@RUNS=$(RUNS) ONLY="$(ONLY)" THREADS=$(THREADS) TEXTS=$(TEXTS) MODELS=$(MODELS) scripts/bench-embed build

bench-lookup: all
	@RUNS=$(RUNS) ONLY="$(ONLY)" THREADS="$(THREADS)" MODELS=$(MODELS) scripts/bench-lookup build

check-tokenizers: all
	@TEXTS=$(TEXTS) ONLY="$(ONLY)" scripts/check-tokenizers build

check-peer: all
	@POSITIONS=$(POSITIONS) BIG=$(BIG) MODELS=$(MODELS) THREADS=$(THREADS) ONLY=$(ONLY) \
	    RECORD=$(RECORD) scripts/check-peer build

check-quantize: all
	@TYPES="$(TYPES)" THREADS=$(THREADS) OUT=$(OUT) scripts/check-quantize build

fuzz:
	@scripts/bootstrap fuzz
	@scripts/fuzz

lint:
	@scripts/bootstrap lint
	@scripts/lint

format:
	@scripts/bootstrap lint
	@scripts/format

clean:
	rm -rf build build-san build-tsan build-clang build-fuzz

.PHONY: all demo check san tsan netfault killtest iofault check-hub-peer check-templates check-server bench-pull bench-serve bench-peer bench-embed bench-lookup check-tokenizers check-peer check-quantize check-same check-instructions check-web fuzz lint format clean

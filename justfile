# `./dev help` says what each one does; this is for hands used to just.
set positional-arguments

_default:
    @./dev help

setup *args:
    ./dev setup "$@"

demo *args:
    ./dev demo "$@"

test *args:
    ./dev test "$@"

sim *args:
    ./dev sim "$@"

program *args:
    ./dev program "$@"

generate *args:
    ./dev generate "$@"

images *args:
    ./dev images "$@"

bench *args:
    ./dev bench "$@"

lint *args:
    ./dev lint "$@"

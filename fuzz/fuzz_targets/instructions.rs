#![no_main]

use libfuzzer_sys::fuzz_target;
use millrace_adversary::Life;

fuzz_target!(|life: Life| {
    life.live();
});

//! The thread that owns the network. Surfpool's SDK blocks, so nothing of it runs on the async
//! runtime of whoever uses a localnet; this is also the only place that moves its clock.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use millrace_protocol::UnixSeconds;
use solana_signer::Signer;
use surfpool_sdk::{BlockProductionMode, Pubkey, Surfnet};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::{Error, SlotMode, genesis, keys};

/// How often the clock is compared with the wall clock.
const CLOCK_CHECK: Duration = Duration::from_millis(1_000);
/// How often the network's events are thrown away: nobody else reads them, and when their queue
/// is full the network waits for room.
const EVENTS_DRAIN: Duration = Duration::from_millis(50);
/// Behind by less than this, the clock is left alone: it tells whole seconds.
const CLOCK_SLACK_MS: u64 = 1_000;
/// The network picks its ports by itself and may lose one to another process meanwhile.
const START_ATTEMPTS: usize = 3;
/// Of one attempt; half a second is usual.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// Of the faucet and of the admin: 10 000 SOL each.
const PURSE_LAMPORTS: u64 = 10_000_000_000_000;
const CLOCK_SYSVAR: Pubkey = Pubkey::from_str_const("SysvarC1ock11111111111111111111111111111111");

enum Command {
    Travel(UnixSeconds, oneshot::Sender<Result<(), Error>>),
    Now(oneshot::Sender<Result<UnixSeconds, Error>>),
    Stop(oneshot::Sender<Result<(), Error>>),
}

/// A handle on the thread. Dropping it stops the network without waiting.
pub(crate) struct Engine {
    commands: Sender<Command>,
    /// Where the network itself listens for JSON-RPC, `host:port`.
    pub rpc: String,
    /// Where it listens for WebSockets, `host:port`.
    pub ws: String,
}

impl Engine {
    /// Starts the network, again in a thread of its own where the first one fails or hangs.
    pub async fn start(slot: SlotMode, program: Vec<u8>) -> Result<Self, Error> {
        let program = Arc::new(program);
        let mut attempt = 1;
        loop {
            match Self::start_once(slot, program.clone()).await {
                Err(error @ Error::Start(_)) if attempt < START_ATTEMPTS => {
                    tracing::debug!(%error, attempt, "starting the local network again");
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn start_once(slot: SlotMode, program: Arc<Vec<u8>>) -> Result<Self, Error> {
        let (commands, received) = channel();
        let (started, answer) = oneshot::channel();
        thread::Builder::new()
            .name("localnet".into())
            .spawn(move || match boot(slot, &program) {
                Ok(surfnet) => {
                    let addresses = (host(surfnet.rpc_url()), host(surfnet.ws_url()));
                    if started.send(Ok(addresses)).is_ok() {
                        run(surfnet, &received);
                    }
                }
                Err(error) => drop(started.send(Err(error))),
            })
            .map_err(|error| Error::Start(error.into()))?;
        // Below, a server that cannot bind its port is only logged, and the wait for it never ends.
        let (rpc, ws) = timeout(START_PATIENCE, answer)
            .await
            .map_err(|elapsed| Error::Start(elapsed.into()))?
            .map_err(|_| Error::Stopped)??;
        Ok(Self { commands, rpc, ws })
    }

    pub async fn travel_to(&self, time: UnixSeconds) -> Result<(), Error> {
        self.ask(|answer| Command::Travel(time, answer)).await
    }

    pub async fn now(&self) -> Result<UnixSeconds, Error> {
        self.ask(Command::Now).await
    }

    pub async fn stop(&self) -> Result<(), Error> {
        self.ask(Command::Stop).await
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Command) -> Result<T, Error> {
        let (sender, answer) = oneshot::channel();
        self.commands.send(command(sender)).map_err(|_| Error::Stopped)?;
        answer.await.map_err(|_| Error::Stopped)?
    }
}

fn host(url: &str) -> String {
    url.split_once("://").map_or(url, |(_, host)| host).to_owned()
}

fn boot(slot: SlotMode, program: &[u8]) -> Result<Surfnet, Error> {
    let (mode, slot_ms) = match slot {
        SlotMode::Clock(every) => {
            (BlockProductionMode::Clock, u64::try_from(every.as_millis()).unwrap_or(u64::MAX).max(1))
        }
        // Blocks follow each other until a transaction is final, and each adds one slot time to
        // the clock: the shortest one keeps the clock from running ahead.
        SlotMode::Transaction => (BlockProductionMode::Transaction, 1),
    };
    let builder = Surfnet::builder()
        .offline(true)
        .block_production_mode(mode)
        .slot_time_ms(slot_ms)
        .payer(keys::faucet())
        .airdrop_addresses(vec![keys::admin().pubkey()])
        .airdrop_sol(PURSE_LAMPORTS);
    let surfnet = futures_executor::block_on(builder.start()).map_err(|error| Error::Start(error.into()))?;
    genesis::write(&surfnet, program)?;
    Ok(surfnet)
}

fn run(mut surfnet: Surfnet, commands: &Receiver<Command>) {
    // How far the network is ahead of the wall clock because somebody travelled.
    let mut ahead_ms = 0;
    let mut checked = Instant::now();
    loop {
        match commands.recv_timeout(EVENTS_DRAIN) {
            Ok(Command::Travel(time, answer)) => {
                let result = travel(&surfnet, time);
                if result.is_ok() {
                    ahead_ms = (time.0 * 1_000).saturating_sub(wall_ms());
                }
                let _ = answer.send(result);
            }
            Ok(Command::Now(answer)) => drop(answer.send(now(&surfnet))),
            Ok(Command::Stop(answer)) => {
                let _ = answer.send(surfnet.stop().map_err(|error| Error::Stop(error.into())));
                return;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if checked.elapsed() >= CLOCK_CHECK {
            follow_wall_clock(&surfnet, ahead_ms);
            checked = Instant::now();
        }
        surfnet.events().try_iter().for_each(drop);
    }
}

fn travel(surfnet: &Surfnet, time: UnixSeconds) -> Result<(), Error> {
    let now = now(surfnet)?;
    if time < now {
        return Err(Error::Past { now, asked: time });
    }
    set_clock(surfnet, time.0.saturating_mul(1_000))
}

/// Slots last a little longer than they are meant to, and none is made while nothing happens in
/// [`SlotMode::Transaction`]: without this the network's clock falls behind, and time attested
/// by the wall clock would lie in its future.
fn follow_wall_clock(surfnet: &Surfnet, ahead_ms: u64) {
    let due = wall_ms() + ahead_ms;
    match now(surfnet) {
        Ok(now) if now.0 * 1_000 + CLOCK_SLACK_MS <= due => {
            if let Err(error) = set_clock(surfnet, due) {
                tracing::debug!(%error, "the clock stays behind until the next check");
            }
        }
        Ok(_) => {}
        Err(error) => tracing::debug!(%error, "the local network does not tell its time"),
    }
}

fn set_clock(surfnet: &Surfnet, unix_ms: u64) -> Result<(), Error> {
    surfnet.cheatcodes().time_travel_to_timestamp(unix_ms).map(drop).map_err(|error| Error::Travel(error.into()))
}

/// The Clock sysvar's last field.
fn now(surfnet: &Surfnet) -> Result<UnixSeconds, Error> {
    let account = surfnet.rpc_client().get_account(&CLOCK_SYSVAR).map_err(|error| Error::Travel(error.into()))?;
    let seconds = account.data.get(32..40).and_then(|bytes| bytes.try_into().ok()).map_or(0, i64::from_le_bytes);
    Ok(UnixSeconds(u64::try_from(seconds).unwrap_or(0)))
}

fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

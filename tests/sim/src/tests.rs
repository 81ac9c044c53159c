mod crashes;
mod outages;
mod replays;
mod sabotages;
mod seeds;

mod crashes;
mod replays;
mod sabotages;
mod seeds;

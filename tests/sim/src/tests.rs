mod replays;
mod sabotages;
mod seeds;

mod forgeries;
mod honest;
mod memory;
mod sampling;
mod scene;

"""HTTP: connections, bodies, answers, downloads, certificates; knows nothing of FileMaker."""

"""Protocols that compare fusion methods: export, downstream training, ablation, benchmark."""

"""What compares methods for machines: export, downstream training, ablation, benchmark."""

"""Export a dataset of fused images that unchanged mmdet and mmseg train on."""

from tsjnet_mm.cli.export_fused_dataset import main

if __name__ == '__main__':
    main()

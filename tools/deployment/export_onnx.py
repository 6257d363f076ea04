"""Export a fusor to ONNX, for images and batches of any size."""

from tsjnet_mm.cli.export_onnx import main

if __name__ == '__main__':
    main()

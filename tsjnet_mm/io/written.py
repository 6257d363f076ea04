"""The formats that images are written in, as plain data that commands list."""

#: Extension to the format that is written.
WRITTEN_FORMATS = {
    '.png': 'PNG',
    '.jpg': 'JPEG',
    '.jpeg': 'JPEG',
    '.webp': 'WEBP',
    '.bmp': 'BMP',
    '.tif': 'TIFF',
    '.tiff': 'TIFF',
    '.ppm': 'PPM',
    '.pgm': 'PPM',
}

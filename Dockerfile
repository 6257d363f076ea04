# Fusing, without the training stack. The CPU by default; for an NVIDIA GPU:
#   docker build --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130 -t tsjnet_mm .
#   docker run --rm --gpus all -v "$PWD:/images" tsjnet_mm fuse --ir IR --vi VI --out OUT
FROM python:3.12-slim
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
WORKDIR /opt/tsjnet_mm
COPY requirements/torch.txt requirements/torch.txt
RUN pip install --no-cache-dir --index-url "$TORCH_INDEX" -r requirements/torch.txt
COPY . .
RUN pip install --no-cache-dir .
WORKDIR /images
RUN python -c "from tsjnet_mm.apis import FusionInferencer; FusionInferencer()"
ENTRYPOINT ["tsjnet"]

#!/usr/bin/env bash
# Makes boxes and masks for the training pairs that configs/_base_/datasets/splits lists.
#
#     bash tools/label_training_pairs.sh DATA OUT [SET...]
#
# DATA has RoadScene, LLVIP/train, M3SVD/0111_1716 and MSRS/train, each with ir and vi. SET is
# some of roadscene, llvip, m3svd and msrs (default: all). OUT/SET gets labels (YOLO; 0 person,
# 1 bicycle, 2 car), masks (the classes of MSRS), and links to the images in ir and vi. MSRS keeps
# its own boxes, if it has them. The networks are the drivers of configs/_base_/models; their
# weights are in $TSJNET_DRIVERS (default: checkpoints). Look at OUT/SET/*_review/sheet_*.png
# before you train. A second run finishes an interrupted one.
set -euo pipefail
if [ $# -lt 2 ]; then
    echo "usage: bash $0 DATA OUT [roadscene llvip m3svd msrs]" >&2
    exit 2
fi
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
data=$(cd "$1" && pwd) out=$2
shift 2
[ $# -gt 0 ] || set -- roadscene llvip m3svd msrs
drivers=${TSJNET_DRIVERS:-checkpoints}
python=${PYTHON:-python}
models=$root/configs/_base_/models

for name in "$@"; do
    case $name in
        roadscene) pairs=$data/RoadScene ;;
        llvip) pairs=$data/LLVIP/train ;;
        m3svd) pairs=$data/M3SVD/0111_1716 ;;
        msrs) pairs=$data/MSRS/train ;;
        *) echo "error: $name: expected roadscene, llvip, m3svd or msrs" >&2; exit 2 ;;
    esac
    list=$root/configs/_base_/datasets/splits/${name}_train.txt
    mkdir -p "$out/$name/ir" "$out/$name/vi"
    common=(--ir "$pairs/ir" --vi "$pairs/vi" --classes msrs
        --pairs "$list")
    if [ "$name" = msrs ] && [ -d "$pairs/labels" ]; then
        ln -sfn "$pairs/labels" "$out/$name/labels"
    else
        "$python" "$root/tools/generate_labels.py" boxes "${common[@]}" \
            --out "$out/$name/labels" --views ir vi average \
            --label-map truck=car bus=car \
            --detector "$models/detector_yolox-nano.py" --checkpoint "$drivers/yolox_nano.pth"
    fi
    "$python" "$root/tools/generate_labels.py" scenes "${common[@]}" \
        --out "$out/$name/masks" --views vi average --boxes "$out/$name/labels" \
        --seg-classes msrs --label-map rider=person truck=car bus=car motorcycle=bike \
        --segmentor "$models/segmentor_espnetv2.py" --checkpoint "$drivers/espnetv2.pth"
    while read -r stem; do
        for kind in ir vi; do
            ln -sf "$pairs/$kind/$stem".* "$out/$name/$kind/"
        done
    done < "$list"
done

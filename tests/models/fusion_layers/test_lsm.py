import torch

from tsjnet_mm.registry import MODELS

DETAIL = {'type': 'DetailSalienceModule', 'channels': 4}


def test_lsm_runs_both_branches_on_one_input():
    module = MODELS.build({'type': 'LocalSignificantModule', 'detail': DETAIL, 'local': None})
    module.eval()
    x = torch.randn(1, 4, 8, 8)
    detail, local = module(x)
    torch.testing.assert_close(detail, module.detail(x))
    assert local is x


def test_fusion_sums_modalities_before_each_branch():
    module = MODELS.build({'type': 'SumFusionLayer', 'detail': DETAIL, 'local': None}).eval()
    ir, vi = torch.randn(2, 2, 1, 4, 8, 8)
    detail, local = module(ir, vi)
    torch.testing.assert_close(detail, module.detail(ir[0] + vi[0]))
    torch.testing.assert_close(local, ir[1] + vi[1])

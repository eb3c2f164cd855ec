"""What an adapter adds is what the merged model has, whether its embedding is tied or not."""

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from semcom_ota.training.lora import merged, with_adapter

EMBEDDING = {LlamaForCausalLM: "model.embed_tokens.weight", GPT2LMHeadModel: "transformer.wte.weight"}
TOKENS = torch.arange(10)[None]


def _llama(tied):
    shape = {"vocab_size": 40, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1}
    return LlamaForCausalLM(LlamaConfig(**shape, num_attention_heads=2, tie_word_embeddings=tied))


def _gpt2():
    return GPT2LMHeadModel(GPT2Config(vocab_size=40, n_embd=16, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0))


@pytest.mark.parametrize(
    ("make", "tied"), [(lambda: _llama(True), True), (lambda: _llama(False), False), (_gpt2, True)]
)
@pytest.mark.parametrize("head_rank", [0, 3])
def test_merged_weights_are_what_was_trained_and_tied_ones_stay_tied(make, tied, head_rank):
    torch.manual_seed(0)
    model = make()
    frozen = {name: value.clone() for name, value in model.named_parameters()}
    before = model.eval()(TOKENS).logits
    adapted = with_adapter(model, rank=2, head_rank=head_rank)
    assert torch.equal(adapted(TOKENS).logits, before)  # an adapter begins with nothing
    trained = [value for value in adapted.parameters() if value.requires_grad]
    optimiser = torch.optim.Adam(trained, 1e-2)
    for _ in range(5):
        adapted(input_ids=TOKENS, labels=TOKENS).loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    learned = adapted(TOKENS).logits
    assert not torch.allclose(learned, before, atol=1e-2)

    plain = merged(adapted)
    assert torch.allclose(plain(TOKENS).logits, learned, atol=1e-5)
    head, embedding = plain.get_output_embeddings().weight, plain.get_input_embeddings().weight
    assert (head is embedding) == tied
    assert {name for name, _ in plain.named_parameters()} == set(frozen)
    changed = not torch.equal(embedding, frozen[EMBEDDING[type(plain)]])
    assert changed == bool(tied and head_rank)

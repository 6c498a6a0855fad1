"""A model of the published architecture with random weights: a few hundred kilobytes, made on the fly."""

import json

MARKS = ("<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
# In the manner of the published one: who speaks, then pictures and words between marks.
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make_tokenizer():
    """One token for each byte."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = Tokenizer(models.BPE({letter: i for i, letter in enumerate(letters)}, []))
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = decoders.ByteLevel()
    words.add_special_tokens(list(MARKS))
    return PreTrainedTokenizerFast(
        tokenizer_object=words, eos_token="<|im_end|>", pad_token="<|im_end|>", chat_template=TEMPLATE
    )


def save_tiny_model(folder, seed=0):
    """Write a Qwen2.5-VL of two layers with all that belongs to it."""
    import torch
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    tokenizer = make_tokenizer()
    ids = {mark: tokenizer.convert_tokens_to_ids(mark) for mark in MARKS}
    config = Qwen2_5_VLConfig(
        text_config={
            **dict(vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2),
            **dict(num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=4096),
            **dict(bos_token_id=None, eos_token_id=ids["<|im_end|>"], pad_token_id=ids["<|im_end|>"]),
            "rope_parameters": {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 1e6},
        },
        vision_config={
            **dict(depth=2, hidden_size=32, intermediate_size=64, num_heads=2, out_hidden_size=32, window_size=56),
            **dict(patch_size=14, fullatt_block_indexes=[1]),
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )
    torch.manual_seed(seed)
    model = Qwen2_5_VLForConditionalGeneration(config)
    # What the published folder says too, and what must not be taken over.
    model.generation_config.update(do_sample=True, temperature=2.0, eos_token_id=[ids["<|im_end|>"]])
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    about = {
        **{"image_processor_type": "Qwen2VLImageProcessor", "patch_size": 14, "temporal_patch_size": 2},
        **{"merge_size": 2, "min_pixels": 3136, "max_pixels": 12845056},
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(about))
    return folder


def save_tiny_successor(folder, seed=0):
    """Write a Qwen3-VL, of which the successors of the published model are: other patches, deeper marks of pictures."""
    import torch
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    tokenizer = make_tokenizer()
    ids = {mark: tokenizer.convert_tokens_to_ids(mark) for mark in MARKS}
    config = Qwen3VLConfig(
        text_config={
            **dict(vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, head_dim=16),
            **dict(num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=4096),
            **dict(bos_token_id=None, eos_token_id=ids["<|im_end|>"], pad_token_id=ids["<|im_end|>"]),
            "rope_parameters": {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 1e6},
        },
        vision_config={
            **dict(depth=2, hidden_size=32, intermediate_size=64, num_heads=2, out_hidden_size=32, patch_size=16),
            **dict(num_position_embeddings=64, deepstack_visual_indexes=[0]),
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )
    torch.manual_seed(seed)
    Qwen3VLForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    about = {
        **{"image_processor_type": "Qwen2VLImageProcessorFast", "patch_size": 16, "temporal_patch_size": 2},
        **{"merge_size": 2, "size": {"shortest_edge": 65536, "longest_edge": 16777216}},
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(about))
    return folder

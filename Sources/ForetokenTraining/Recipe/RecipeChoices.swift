import ForetokenModel

extension HeadKind: RecipeChoice {
    var summary: String {
        switch self {
        case .parallel: "one transformer block each, all reading the trunk's output (the paper's default)"
        case .linear: "one linear map each, the cheapest to decode with"
        case .causal: "a chain of blocks: head i reads head i − 1"
        case .anticausal: "a chain of blocks that ends in head 1: head i reads head i + 1"
        case .deepseek: "a chain of blocks in which head i also reads the embedding of token t + i − 1 (DeepSeek-V3)"
        }
    }
}

extension UnembeddingKind: RecipeChoice {
    var summary: String {
        switch self {
        case .shared: "one for all heads (the paper's default)"
        case .replicated: "one for each head, as in the paper's byte-level models"
        }
    }
}

extension NewHeads: RecipeChoice {
    var summary: String {
        switch self {
        case .copied: "copies of head 1"
        case .fresh: "random"
        }
    }
}

extension ObjectiveName: RecipeChoice {
    var summary: String {
        switch self {
        case .joint: "all heads at once, the reference that needs the most memory"
        case .sequential: "head by head (the paper, figure 2)"
        case .fused: "head by head, with the logits in chunks, so that memory grows neither with n nor with V·T"
        }
    }
}

extension LearningRateShape: RecipeChoice {
    var summary: String {
        switch self {
        case .cosine: "a cosine down to the final rate (the paper)"
        case .linear: "a line down to the final rate"
        case .constant: "the peak to the end"
        case .wsd: "the peak, then a line down to the final rate in the last decayFraction of the steps"
        }
    }
}

extension HeadCurriculum: RecipeChoice {
    var summary: String {
        switch self {
        case .none: "all heads all the time"
        case .forward: "head 1 alone at first, one more head in each of n equal stages (arXiv 2505.22757)"
        case .reverse: "all heads at first, one less in each of n equal stages (arXiv 2505.22757)"
        }
    }
}

extension Precision: RecipeChoice {
    var summary: String {
        switch self {
        case .f32: "float32"
        case .bf16: "bfloat16 with float32 sums; weights, gradients and optimizer state stay float32"
        }
    }
}

extension Recomputation: RecipeChoice {
    var summary: String {
        switch self {
        case .none: "nothing is recomputed"
        case .blocks: "only each block's input is kept; costs one more forward pass of the trunk"
        }
    }
}

public import ForetokenModel
public import ForetokenText
import Foundation
import Torch

/// Everything that decides a training run; the same recipe, data, build, threads and machine give the same run.
public struct Recipe: Sendable, Equatable {
    /// Decides initial weights and the order of the data.
    public var seed: UInt64 = 0
    /// The token shards.
    public var data = Data()
    /// What the run begins with.
    public var start = Start()
    /// The model's shape.
    public var model = Model()
    /// How it is trained.
    public var training = Training()
    /// What is kept in memory.
    public var memory = Memory()

    /// The token shards.
    public struct Data: Sendable, Equatable {
        /// The shard to train on; empty where there are ``sources``.
        public var train = ""
        /// Several shards to train on, mixed by weight.
        public var sources: [Source] = []
        /// The shard to validate on, if any.
        public var validation: String?
        /// Of JSONL examples: prompts are read and not learnt.
        public var maskPrompts = true
        /// No shards yet.
        public init() {}

        /// A shard and its part in the mixture.
        public struct Source: Sendable, Equatable {
            /// The shard.
            public var path: String
            /// Its share of the samples, relative to the other sources'.
            public var weight: Double

            /// A shard to mix with others.
            public init(path: String, weight: Double = 1) {
                self.path = path
                self.weight = weight
            }
        }

        /// The shards to train on: ``sources``, or ``train`` alone.
        public var mixture: [Source] { sources.isEmpty ? [Source(path: train)] : sources }
    }

    /// The model's shape; see `ModelConfiguration`.
    public struct Model: Sendable, Equatable {
        /// D.
        public var width = 256
        /// All transformer blocks, trunk plus block heads.
        public var layers = 8
        /// Blocks of the trunk alone, in place of ``layers``: heads are added to it and take nothing from it.
        public var trunkLayers: Int?
        /// H.
        public var attentionHeads = 4
        /// K; H if nil.
        public var keyValueHeads: Int?
        /// D / H if nil.
        public var headDimension: Int?
        /// 8D/3 rounded up to ``multipleOf`` if nil.
        public var feedForwardWidth: Int?
        /// What the SwiGLU width is a multiple of.
        public var multipleOf = 256
        /// n, with the next-token head.
        public var heads = 4
        /// What the heads are.
        public var headKind = HeadKind.parallel
        /// Whether the heads share one unembedding.
        public var unembedding = UnembeddingKind.shared
        /// T, tokens of a training sample and of the longest text.
        public var context = 256
        /// θ of the rotary embedding.
        public var ropeBase = 10_000.0
        /// ε of RMSNorm.
        public var normEpsilon = 1e-5
        /// One matrix for embedding and unembedding.
        public var tieEmbeddings = false
        /// Attention stays inside documents.
        public var documentMask = false
        /// The keys that the recipe names itself.
        public var given = GivenKeys()
        /// The defaults.
        public init() {}
    }

    /// How it is trained.
    public struct Training: Sendable, Equatable {
        /// How the gradient is computed.
        public var objective = ObjectiveName.fused
        /// Optimizer steps; nil until a run bounded by time has measured its own speed.
        public var steps: Int?
        /// Bounds the run by time instead.
        public var minutes: Double?
        /// Sequences in a micro-batch.
        public var batchSize = 8
        /// Micro-batches in a step.
        public var accumulation = 1
        /// The peak learning rate.
        public var learningRate = 3e-4
        /// That of heads 2…n; ``learningRate`` if nil.
        public var headLearningRate: Double?
        /// How the rate goes on after its warm-up.
        public var schedule = LearningRateShape.cosine
        /// The share of the steps in which `wsd` falls.
        public var decayFraction = 0.1
        /// The floor of the rate as a fraction of the peak.
        public var finalLearningRateRatio = 0.03
        /// Steps of linear warm-up; nil: ``warmUpFraction`` of all.
        public var warmUpSteps: Int?
        /// The share of the steps that warms up.
        public var warmUpFraction = 0.02
        /// β₁ and β₂ of Adam.
        public var betas = [0.9, 0.95]
        /// ε of Adam.
        public var epsilon = 1e-8
        /// Decoupled decay of matrices.
        public var weightDecay = 0.1
        /// The largest norm of the gradient; 0 for no bound.
        public var clip = 1.0
        /// w_i of each head.
        public var headWeights = HeadWeights.uniform
        /// Heads switched on or off as training goes.
        public var curriculum = HeadCurriculum.none
        /// Steps of the curriculum's stages together; all if nil.
        public var curriculumSteps: Int?
        /// Heads 2…n learn from a detached z: the trunk, head 1 and the embedding learn from head 1's loss alone.
        public var detachTrunk = false
        /// Nothing that decides learns (embedding, trunk, head 1, norm, the unembedding it uses), only heads 2…n do: plain
        /// decoding stays as it is.
        public var freezeTrunk = false
        /// How many of head 1's most probable tokens heads 2…n learn from, in place of the data's token; 0: from the token.
        public var softTargets = 0
        /// Steps between validations; 0 for none but the last.
        public var validationEvery = 500
        /// Batches of a validation.
        public var validationBatches = 20
        /// Steps between checkpoints; 0 for none but the last.
        public var checkpointEvery = 500
        /// Checkpoints that stay.
        public var keepCheckpoints = 2
        /// Of the older checkpoints, every so many-th stays, too; 0 for none.
        public var keepEvery = 0
        /// The multiples of this step whose checkpoints stay; nil for none.
        var keptInterval: Int? { keepEvery > 0 && checkpointEvery > 0 ? keepEvery * checkpointEvery : nil }
        /// Steps between records in metrics.jsonl.
        public var logEvery = 10
        /// What activations and products are computed in.
        public var precision = Precision.f32
        /// `cpu` or `cuda`.
        public var device = "cpu"
        /// CPU threads; all if nil.
        public var threads: Int?
        /// The defaults.
        public init() {}
    }

    /// What is kept in memory.
    public struct Memory: Sendable, Equatable {
        /// What the trunk keeps between its forward and its backward pass.
        public var recompute = Recomputation.none
        /// The most logits that the `fused` objective holds, in MiB; by the device if nil, see ``Recipe/logitsMiB``.
        public var logitsMiB: Int?
        /// The defaults.
        public init() {}
    }

    /// The defaults.
    public init() {}

    /// The most logits that the `fused` objective holds, in MiB: what the recipe says, or 64 on the CPU and 512 on a GPU.
    public var logitsMiB: Int {
        memory.logitsMiB ?? FusedObjective.logitsBytes(on: training.device.hasPrefix("cuda") ? .cuda(0) : .cpu) >> 20
    }

    /// The tokenizer beside the first training shard; bytes where there is none.
    ///
    /// - Throws: `TokenizerError`, `JSONError`.
    public func dataTokenizer() throws -> any Tokenizer {
        try TokenizerFile.read(folder: URL(fileURLWithPath: data.mixture[0].path).deletingLastPathComponent())
    }

    /// All blocks of the model.
    public var totalLayers: Int {
        guard let trunk = model.trunkLayers else { return model.layers }
        return trunk + (model.headKind.areBlocks ? model.heads : 0)
    }

    /// The model's configuration for a tokenizer.
    public func configuration(for tokenizer: any Tokenizer) -> ModelConfiguration {
        ModelConfiguration(
            vocabulary: tokenizer.vocabularySize, width: model.width, layers: totalLayers,
            attentionHeads: model.attentionHeads, keyValueHeads: model.keyValueHeads,
            headDimension: model.headDimension, feedForwardWidth: model.feedForwardWidth,
            multipleOf: model.multipleOf, heads: model.heads, headKind: model.headKind,
            unembedding: model.unembedding, context: model.context,
            ropeBase: model.ropeBase, normEpsilon: model.normEpsilon, tieEmbeddings: model.tieEmbeddings,
            documentMask: model.documentMask, tokenizerName: tokenizer.name, tokenizerDigest: tokenizer.digest,
            beginningOfText: tokenizer.beginningOfText, endOfText: tokenizer.endOfText)
    }

    /// The learning rates of a run of so many steps.
    public func learningRates(of steps: Int) -> LearningRateSchedule {
        LearningRateSchedule(
            shape: training.schedule, peak: training.learningRate, warmUp: warmUp(of: steps), steps: steps,
            finalRatio: training.finalLearningRateRatio, decayFraction: training.decayFraction)
    }

    /// Steps of warm-up when the run has `steps`.
    public func warmUp(of steps: Int) -> Int {
        min(training.warmUpSteps ?? Int((Double(steps) * training.warmUpFraction).rounded(.up)), max(0, steps - 1))
    }
}

import ForetokenFormats
import ForetokenModel
import ForetokenTraining
import Foundation
import Testing
import Torch

@Suite struct GGUFLogitsTests {
    /// The logits that transformers computes with the weights that `gguf.quants.dequantize` gives (Fixtures/gguf/make.py).
    @Test(arguments: GGUFFixture.all)
    func logitsAreTransformersOwn(_ fixture: GGUFFixture) throws {
        let expected = try SafetensorsFile(contentsOf: fixture.expected)
        let tokens = try expected.tensor("tokens")
        let model = try ModelFolder.read(fixture.url)
        let logits: [Float] = withoutGradient { model.allLogits(tokens.reshaped(1, tokens.count))[0].elements() }
        let reference: [Float] = try expected.tensor("logits").elements()
        #expect(logits.count == reference.count)
        // float32 sums in two orders, over logits of size 6.
        for (ours, theirs) in zip(logits, reference) where abs(ours - theirs) > 1e-4 {
            Issue.record("\(fixture): \(ours) is not \(theirs)")
        }
    }
}

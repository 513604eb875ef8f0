import ForetokenCommands
import ForetokenFiles
import ForetokenTraining

/// The result of a training run. Progress and losses were logged before, so people get no more text.
struct TrainingOutput {
    let outcome: Trainer.Outcome
    let step: Int
    let validation: HeadEvaluation?

    var jsonLine: String {
        get throws {
            var object = JSONObject()
            object["outcome"] = .string(name)
            object["step"] = .integer(step)
            if let validation {
                object["loss"] = .array(validation.losses.map(JSONValue.finite))
                object["bitsPerByte"] = .array(validation.bitsPerByte.map(JSONValue.finite))
                object["acceptance"] = .array(validation.acceptance.map(JSONValue.finite))
                object["cumulativeAcceptance"] = .array(validation.cumulativeAcceptance.map(JSONValue.finite))
            }
            return try JSONValue.object(object).text()
        }
    }

    private var name: String {
        switch outcome {
        case .finished: "finished"
        case .interrupted: "interrupted"
        case .outOfTime: "out of time"
        }
    }
}

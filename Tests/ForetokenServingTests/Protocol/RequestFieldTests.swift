import ForetokenFiles
import Testing

@testable import ForetokenServing

@Suite struct RequestFieldTests {
    @Test(arguments: RequestExamples.bodies) func everyKeyHasExamples(_ body: RequestExamples) {
        #expect(body.fields.map(\.name).sorted() == body.cases.keys.sorted())
    }

    @Test(arguments: RequestExamples.bodies) func acceptedValuesAreRead(_ body: RequestExamples) throws {
        for (key, examples) in body.cases {
            for value in examples.effective {
                #expect(try body.isChanged(key, value), "\(key): \(value) has no effect")
            }
            for value in examples.neutral {
                #expect(try !body.isChanged(key, value), "\(key): \(value) has an effect")
            }
        }
    }

    @Test(arguments: RequestExamples.bodies) func otherValuesAreRefusedByName(_ body: RequestExamples) {
        for (key, examples) in body.cases {
            for value in examples.refused {
                let error = #expect(throws: APIError.self, "\(key): \(value.prefix(60))") {
                    _ = try body.isChanged(key, value)
                }
                guard let error else { continue }
                #expect(error.status == 400 && error.kind == .invalidRequest)
                #expect(
                    (error.parameter ?? "").hasPrefix(examples.parameter ?? key),
                    "\(key): \(value.prefix(60)): \(error)")
                #expect(error.message.utf8.count < 400)
                #expect(error.message.contains("'") && error.message.hasSuffix(".") || error.code != nil, "\(error)")
            }
        }
    }

    @Test(arguments: RequestExamples.bodies) func keysOfOtherServersWithoutAnEffectAreIgnored(_ body: RequestExamples)
        throws
    {
        for key in ["cache_prompt", "user", "metadata", "store", "priority", "cache_salt", "n_keep", "x", "", "é"] {
            for value in ["1", "null", "{}", "[[1]]", #""x""#, "true"] {
                #expect(try !body.isChanged(key, value), "\(key)")
            }
        }
    }

    @Test(arguments: RequestExamples.bodies) func unsupportedKeysHaveACodeAndARemedy(_ body: RequestExamples) {
        for field in body.fields where field.remedy != nil {
            for value in body.cases[field.name]?.refused ?? [] {
                let error = #expect(throws: APIError.self) { _ = try body.isChanged(field.name, value) }
                #expect(error?.code == "unsupported_parameter")
                #expect(error?.message.contains(field.remedy ?? "-") == true)
                #expect(error?.parameter == field.name)
            }
        }
    }
}

import ForetokenFiles
import Foundation
import Testing

@testable import ForetokenText

/// Whole conversations in whole templates, against transformers' `apply_chat_template`.
@Suite struct ChatTemplateModelsTests {
    /// What differs from the outcome: a digest, one with spans, a raised message, or another error.
    private func difference(
        _ template: ChatTemplate, _ conversation: Conversation, _ outcome: JSONNode
    ) throws -> String? {
        do throws(ChatTemplateError) {
            let rendered = try conversation.render(template)
            let digest: JSONValue = .string(ChatFixtures.digest(rendered.bytes))
            if outcome.value == digest, rendered.generation.isEmpty { return nil }
            if case .object(let object) = outcome.value, object["digest"] == digest {
                let spans = try? outcome["generation"].array().map { span in
                    let bounds = try span.array().map { try $0.integer() }
                    return bounds[0]..<bounds[1]
                }
                if spans?.filter({ !$0.isEmpty }) == rendered.generation { return nil }
            }
            return "\(conversation.name) in \(template.file) gives another text:\n\(rendered.text)"
        } catch {
            guard case .object(let object) = outcome.value else { return "\(conversation.name): \(error)" }
            switch error {
            case .raised(_, let message): if object["raised"] == .string(message) { return nil }
            case .failed: if object["error"] != nil { return nil }
            // transformers has no such filter either.
            case .unsupported(_, _, _, "the filter 'from_json'"):
                if object["error"] == "TemplateRuntimeError" { return nil }
            default: break
            }
            return "\(conversation.name): \(error)\ninstead of \(object)"
        }
    }

    @Test(arguments: ChatFixtures.own)
    func ownTemplatesRenderAsInTransformers(name: String) throws {
        let template = try ChatFixtures.template(name)
        let node = try ChatFixtures.node("own.json")
        let outcomes = try node["templates"][name]["outcomes"].array()
        let conversations = try ChatFixtures.conversations()
        #expect(outcomes.count == conversations.count && outcomes.count > 25)
        for (conversation, outcome) in zip(conversations, outcomes) {
            #expect(try difference(template, conversation, outcome) == nil)
        }
        #expect(try conversations[3].render(template).text == node["texts"][name].string())
    }

    /// The templates of 70 models, of which the fixture has digests only.
    @Test(.enabled(if: ChatFixtures.modelFolder != nil))
    func modelsTemplatesRenderAsInTransformers() throws {
        let templates = try ChatFixtures.modelTemplates()
        let node = try ChatFixtures.node("templates.json")["templates"]
        let conversations = try ChatFixtures.conversations()
        var compared = 0
        for template in templates {
            let known = try node[template.file]
            guard try known["template"].string() == ChatFixtures.digest(Array(template.source.utf8)) else {
                Issue.record("\(template.file) is another version than the fixture's")
                continue
            }
            for (conversation, outcome) in zip(conversations, try known["outcomes"].array()) {
                #expect(try difference(template, conversation, outcome) == nil)
                compared += 1
            }
        }
        #expect(compared == 70 * conversations.count)
    }
}

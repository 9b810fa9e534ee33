//! What an expression may name: `$states`, variables and functions, where each of them exists.

use super::*;

#[test]
fn names_at_the_top_level_are_not_supported() {
    let said = |name: &str, place: &str| {
        format!(
            "UNSUPPORTED_JSONATA_EXPRESSION: Reference to '{name}' at the top level is not \
             supported. at {place}"
        )
    };
    let at = |definition: &str, place: &str| {
        assert_eq!(aws(definition), [said("phone", place)], "{definition}");
    };
    at(&output("phone"), "/States/A/Output/v");
    at(
        &state(r#"{"Type": "Pass", "Output": {"a": {"b": ["{% phone %}"]}}, "End": true}"#),
        "/States/A/Output/a/b[0]",
    );
    at(
        &state(r#"{"Type": "Pass", "Assign": {"Next": "{% phone %}"}, "End": true}"#),
        "/States/A/Assign/Next",
    );
    let rule = choice(r#"{"Condition": "{% phone = 1 %}", "Next": "B"}"#);
    at(&rule, "/States/A/Choices[0]/Condition");
    let wait = state(r#"{"Type": "Wait", "Seconds": "{% phone %}", "End": true}"#);
    at(&wait, "/States/A/Seconds");
    at(&state(r#"{"Type": "Fail", "Cause": "{% phone %}"}"#), "/States/A/Cause");
    at(&map(r#""Items": "{% phone %}","#), "/States/A/Items");
    at(&map(r#""ItemSelector": {"Next": "{% phone %}"},"#), "/States/A/ItemSelector/Next");
    at(&task(r#""Arguments": {"P": {"Comment": "{% phone %}"}}"#), "/States/A/Arguments/P/Comment");
    let catch = r#""Catch": [{"ErrorEquals": ["E"], "Output": {"v": "{% phone %}"}, "Next": "B"}]"#;
    at(&task(catch), "/States/A/Catch[0]/Output/v");
    assert_eq!(aws(&output("$.phone")), [said("$", "/States/A/Output/v")]);
    let context = "UNSUPPORTED_JSONATA_EXPRESSION: Reference to '$$' is not supported. at \
                   /States/A/Output/v";
    assert_eq!(aws(&output("$$")), [context]);
    let two = output("phone + home + phone");
    assert_eq!(aws(&two), ["phone", "home"].map(|name| said(name, "/States/A/Output/v")));
    rejects(&output("1 + phone.home"), "ASL0209", "Reference to 'phone'", "phone");
    let help = "write $states.input.phone for the input, $phone for a variable";
    assert_eq!(diagnostics(&output("phone"))[0].help.as_deref(), Some(help));
    for fine in [
        "$states.input.phone",
        "$states.input.items[phone > 3]",
        "$map($states.input.a, function($x){ $x.phone })",
        "($phone := 1; $phone)",
        "$states",
        "$keys($states)",
    ] {
        accepts(&output(fine));
    }
    accepts(&state(r#"{"Type": "Pass", "Comment": "{% phone %}", "End": true}"#));
}

#[test]
fn results_and_errors_exist_only_where_there_are_some() {
    let missing = |field: &str, place: &str| {
        let message = format!("Field '$states.{field}' does not exist.");
        format!("UNSUPPORTED_JSONATA_EXPRESSION: {message} at {place}")
    };
    let result = r#"{"r": "{% $states.result %}"}"#;
    let error = r#"{"r": "{% $states.errorOutput %}"}"#;
    let catch =
        |fields: &str| format!(r#""Catch": [{{"ErrorEquals": ["E"], "Next": "B", {fields}}}]"#);
    accepts(&task(&format!(r#""Output": {result}, "Assign": {result}"#)));
    accepts(&map(&format!(r#""Output": {result}, "Assign": {result},"#)));
    accepts(&task(&catch(&format!(r#""Output": {error}, "Assign": {error}"#))));
    for (definition, field, place) in [
        (output("$states.result"), "result", "Output/v"),
        (output("$states.errorOutput"), "errorOutput", "Output/v"),
        (task(&format!(r#""Arguments": {result}"#)), "result", "Arguments/r"),
        (task(&format!(r#""Arguments": {error}"#)), "errorOutput", "Arguments/r"),
        (task(&format!(r#""Output": {error}"#)), "errorOutput", "Output/r"),
        (task(&catch(&format!(r#""Output": {result}"#))), "result", "Catch[0]/Output/r"),
        (map(&format!(r#""ItemSelector": {result},"#)), "result", "ItemSelector/r"),
        (output("$states.item"), "item", "Output/v"),
    ] {
        assert_eq!(aws(&definition), [missing(field, &format!("/States/A/{place}"))]);
    }
    let twice = output("$states.inputs + $states.inputs.a");
    rejects(&twice, "ASL0210", "Field '$states.inputs' does not exist.", "inputs");
    assert_eq!(
        diagnostics(&twice)[0].help.as_deref(),
        Some("did you mean $states.input?"),
        "{:?}",
        summary(&twice)
    );
}

#[test]
fn operators_newer_than_aws_documents_are_warned_of() {
    for operator in ["??", "?:"] {
        let definition = output(&format!("$states.input {operator} 1"));
        rejects(&definition, "ASL0808", &format!("'{operator}' is newer"), operator);
        assert!(parse(&definition, "m").is_ok());
    }
}

#[test]
fn names_that_nothing_gives_a_value_are_warned_of() {
    for (expression, name, help) in [
        ("$sm([1])", "$sm", Some("did you mean $sum?")),
        ("$lowercas('X')", "$lowercas", Some("did you mean $lowercase?")),
        ("1 + $undefinedVar + $undefinedVar", "$undefinedVar", None),
        ("$state.input", "$state", Some("did you mean $states?")),
        ("$eval('1')", "$eval", Some("AWS has no $eval: use $parse to read JSON")),
        ("($x := 1; $f := function($y){ $y + $z }; $f($x))", "$z", None),
    ] {
        let definition = output(expression);
        rejects(&definition, "ASL0810", &format!("'{name}' is neither"), name);
        let found = &diagnostics(&definition)[0];
        assert_eq!((&*found.path, found.help.as_deref()), ("/States/A/Output/v", help));
        assert!(parse(&definition, "m").is_ok() && aws(&definition).is_empty());
    }
    accepts(&output("($x := 1; $map([$x], function($v, $i){ $sum([$v, $i, $x]) }))"));
    accepts(&output("$states ~> $keys"));
    // What any state assigns, by either language, in a rule, a catcher or inside, is known.
    let assigned = r#""B": {"Type": "Succeed"}, "A": {"Type": "Parallel", "Assign": {"own": 1},
        "Branches": [{"StartAt": "I", "States": {"I": {"Type": "Choice", "Default": "J",
            "Choices": [{"Condition": true, "Assign": {"ruled": 1}, "Next": "J"}]},
            "J": {"Type": "Map", "ItemProcessor": {"StartAt": "K", "States": {"K":
                {"Type": "Pass", "Assign": {"inside": 1}, "End": true}}}, "End": true}}}],
        "Catch": [{"ErrorEquals": ["E"], "Assign": {"caught": 1}, "Next": "B"}],
        "Output": "{% $own + $ruled + $inside + $caught + $insde %}", "End": true}"#;
    let definition = machine("A", assigned);
    rejects(&definition, "ASL0810", "'$insde' is neither", "$insde");
    assert_eq!(diagnostics(&definition)[0].help.as_deref(), Some("did you mean $inside?"));
    let mixed = one(r#"{"Type": "Pass", "Assign": {"x.$": "$.a"}, "Next": "B"},
            "C": {"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% $x %}", "End": true}"#);
    let mixed = mixed.replace(r#""Next": "B""#, r#""Next": "C""#);
    accepts(&mixed.replace(r#", "B": {"Type": "Succeed"}"#, ""));
}

#[test]
fn variables_of_expressions_are_listed_by_state() {
    let definition = machine(
        "A",
        r#""A": {"Type": "Pass", "Output": {"a": ["{% $a + $states.input.x %}", "$no", "$.no"]},
            "Assign": {"no": "{% ($no := 1; $no + $b) %}"}, "Next": "C"},
        "C": {"Type": "Choice", "Choices": [{"Condition": "{% $c %}", "Output": "{% $d %}",
            "Assign": {"no": "{% $e %}"}, "Next": "T"}], "Output": "{% $f %}", "Default": "T"},
        "T": {"Type": "Task", "Resource": "arn:r", "Arguments": {"x": "{% $a %}"},
            "Output": "{% $b.$sum(c) %}", "TimeoutSeconds": "{% $d %}",
            "HeartbeatSeconds": "{% $e %}", "Credentials": {"RoleArn": "{% $f %}"},
            "Catch": [{"ErrorEquals": ["E"], "Output": "{% $g %}", "Next": "M"}], "Next": "M"},
        "M": {"Type": "Map", "Items": "{% $a %}", "ItemSelector": "{% $b %}",
            "MaxConcurrency": "{% $c %}", "Output": "{% $d %}",
            "ItemProcessor": {"StartAt": "W", "States": {"W": {"Type": "Wait",
                "Timestamp": "{% $w %}", "Output": "{% $x %}", "End": true}}}, "Next": "P"},
        "P": {"Type": "Parallel", "Arguments": "{% $p %}", "Output": "{% $q %}", "Branches":
            [{"StartAt": "S", "States": {"S": {"Type": "Succeed", "Output": "{% $s %}"}}}],
            "Next": "F"},
        "F": {"Type": "Fail", "Error": "{% $a %}", "Cause": "{% $b %}"}"#,
    );
    let machine = parse(&definition, "m").unwrap_or_else(|found| panic!("{found:#?}"));
    let found = variable_references(&machine);
    let lines: Vec<_> = found
        .iter()
        .map(|(state, names)| format!("{state}: {}", names.iter().cloned().collect::<String>()))
        .collect();
    assert_eq!(
        lines,
        ["A: ab", "C: cdef", "F: ab", "M: abcd", "P: pq", "S: s", "T: abdefg", "W: wx"]
    );
    let described = described_variables(&definition, MachineType::Express).expect("valid");
    assert_eq!(described, found);
}

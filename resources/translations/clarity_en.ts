<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en_US" sourcelanguage="en">
<context>
    <name>BatchCommands</name>
    <message numerus="yes">
        <source>Apply “{step}” to %n other open photo(s)?</source>
        <translation>
            <numerusform>Apply “{step}” to the other open photo?</numerusform>
            <numerusform>Apply “{step}” to %n other open photos?</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>ClosedDialog</name>
    <message numerus="yes">
        <source>%n version(s)</source>
        <translation>
            <numerusform>%n version</numerusform>
            <numerusform>%n versions</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>CompareCommands</name>
    <message numerus="yes">
        <source>%n result(s) can be compared.</source>
        <translation>
            <numerusform>%n result can be compared.</numerusform>
            <numerusform>%n results can be compared.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>CompareMethodsDialog</name>
    <message numerus="yes">
        <source>%n method(s), one after the other; results can be compared as they come.</source>
        <translation>
            <numerusform>%n method; its result is compared with the open version.</numerusform>
            <numerusform>%n methods, one after the other; results can be compared as they come.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n method(s), about {time} together; results can be compared as they come.</source>
        <translation>
            <numerusform>%n method, about {time}; its result is compared with the open version.</numerusform>
            <numerusform>%n methods, about {time} together; results can be compared as they come.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>ExportCommands</name>
    <message numerus="yes">
        <source>%n file(s) already exist in {folder}: {names}</source>
        <translation>
            <numerusform>%n file already exists in {folder}: {names}</numerusform>
            <numerusform>%n files already exist in {folder}: {names}</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n file(s) already exist: {names}</source>
        <translation>
            <numerusform>%n file already exists: {names}</numerusform>
            <numerusform>%n files already exist: {names}</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>ExportDialog</name>
    <message numerus="yes">
        <source>Export %n open photo(s)</source>
        <translation>
            <numerusform>Export %n open photo</numerusform>
            <numerusform>Export %n open photos</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>ModelsDialog</name>
    <message numerus="yes">
        <source>{installed} of %n model(s) installed ({size}). Nothing is downloaded unless you ask for it.</source>
        <translation>
            <numerusform>{installed} of %n model installed ({size}). Nothing is downloaded unless you ask for it.</numerusform>
            <numerusform>{installed} of %n models installed ({size}). Nothing is downloaded unless you ask for it.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n model(s) in memory ({size})</source>
        <translation>
            <numerusform>%n model in memory ({size})</numerusform>
            <numerusform>%n models in memory ({size})</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>RecoveryCommands</name>
    <message numerus="yes">
        <source>%n closed document(s) can be erased permanently.</source>
        <translation>
            <numerusform>%n closed document can be erased permanently.</numerusform>
            <numerusform>%n closed documents can be erased permanently.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>“{title}” from {time} has unsaved work: %n version(s).</source>
        <translation>
            <numerusform>“{title}” from {time} has unsaved work: %n version.</numerusform>
            <numerusform>“{title}” from {time} has unsaved work: %n versions.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>There are %n more.</source>
        <translation>
            <numerusform>There is %n more.</numerusform>
            <numerusform>There are %n more.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>RegionCommands</name>
    <message numerus="yes">
        <source>%n object(s) found for “{words}” by {engine}</source>
        <translation>
            <numerusform>%n object found for “{words}” by {engine}</numerusform>
            <numerusform>%n objects found for “{words}” by {engine}</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>RestoreDock</name>
    <message numerus="yes">
        <source>On %n test photo(s) it came {gain} dB closer to the undamaged photo.</source>
        <translation>
            <numerusform>On %n test photo it came {gain} dB closer to the undamaged photo.</numerusform>
            <numerusform>On %n test photos it came {gain} dB closer to the undamaged photo.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>On %n test photo(s) it went {gain} dB away from the undamaged photo.</source>
        <translation>
            <numerusform>On %n test photo it went {gain} dB away from the undamaged photo.</numerusform>
            <numerusform>On %n test photos it went {gain} dB away from the undamaged photo.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Trend</name>
    <message numerus="yes">
        <source>Overall score of %n version(s): {scores}</source>
        <translation>
            <numerusform>Overall score of %n version: {scores}</numerusform>
            <numerusform>Overall score of %n versions: {scores}</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Overall score of %n version(s), best: {best}, latest: {scores}</source>
        <translation>
            <numerusform>Overall score of %n version, best: {best}, latest: {scores}</numerusform>
            <numerusform>Overall score of %n versions, best: {best}, latest: {scores}</numerusform>
        </translation>
    </message>
</context>
</TS>

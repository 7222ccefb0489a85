/*
 * The table of remedies.  Short words, no blame, one action a line; a step
 * names what stands on the screen.  What a person cannot mend alone ends at
 * the help desk.
 */
#include "portal_text.h"

#include <string.h>


#define OTHER    COMPLIANCE_PLATFORM_OTHER
#define IOS      COMPLIANCE_PLATFORM_IOS
#define ANDROID  COMPLIANCE_PLATFORM_ANDROID
#define WINDOWS  COMPLIANCE_PLATFORM_WINDOWS
#define MACOS    COMPLIANCE_PLATFORM_MACOS
#define LINUX    COMPLIANCE_PLATFORM_LINUX

#define ASK  "Contact your help desk and quote the reference below."


static const struct {
    const char *name;
    const char *noun;
} platforms[COMPLIANCE_PLATFORMS] = {
    [COMPLIANCE_PLATFORM_OTHER]   = { "other",   "device" },
    [COMPLIANCE_PLATFORM_IOS]     = { "ios",     "iPhone" },
    [COMPLIANCE_PLATFORM_IPADOS]  = { "ipados",  "iPad" },
    [COMPLIANCE_PLATFORM_ANDROID] = { "android", "Android device" },
    [COMPLIANCE_PLATFORM_WINDOWS] = { "windows", "PC" },
    [COMPLIANCE_PLATFORM_MACOS]   = { "macos",   "Mac" },
    [COMPLIANCE_PLATFORM_LINUX]   = { "linux",   "computer" },
};


/* Steps are lines of one literal: no comma is missing between them.
 * NOLINTBEGIN(bugprone-suspicious-missing-comma) */

const compliance_remedy_t compliance_remedies[] = {

    { "os_outdated", "The system needs an update",
      "Updates close holes that attackers know and use.",
      { [OTHER]   = "Save your work and connect to power.\n"
                    "Install every update the system offers.\n"
                    "Restart when you are asked to.",
        [IOS]     = "Connect to Wi-Fi and to power.\n"
                    "Open Settings, then General, then Software Update.\n"
                    "Tap Update Now, and wait for the restart.",
        [ANDROID] = "Connect to Wi-Fi and to power.\n"
                    "Open Settings, then System, then System update (on some "
                    "devices: Software update).\n"
                    "Install what is offered, and restart.",
        [WINDOWS] = "Save your work and connect to power.\n"
                    "Open Settings, then Windows Update.\n"
                    "Choose Check for updates, install all of them, and "
                    "restart.",
        [MACOS]   = "Save your work and connect to power.\n"
                    "Open System Settings, then General, then Software "
                    "Update.\n"
                    "Install what is offered, and restart.",
        [LINUX]   = "Save your work.\n"
                    "Install all updates with your software updater.\n"
                    "Restart." } },

    { "patch_outdated", "The security patch is too old",
      "Patches close holes that attackers know and use.",
      { [OTHER]   = "Install every update the system offers.\n"
                    "Restart when you are asked to.",
        [ANDROID] = "Open Settings, then Security and privacy, then Updates.\n"
                    "Install the security update and the Google Play system "
                    "update.\n"
                    "Restart." } },

    { "encryption_off", "The storage is not encrypted",
      "If it is lost or stolen, whoever finds it could read your mail.",
      { [OTHER]   = "Turn on encryption in the security settings.\n" ASK,
        [IOS]     = "Open Settings, then Face ID & Passcode (or Touch ID & "
                    "Passcode).\n"
                    "Tap Turn Passcode On: this encrypts the device.",
        [ANDROID] = "Open Settings, then Security and privacy.\n"
                    "Set a screen lock if there is none.\n"
                    "Look for Encryption (under More security settings), and "
                    "turn it on. Keep the device connected to power until it "
                    "is done.",
        [WINDOWS] = "Open Settings, then Privacy & security, then Device "
                    "encryption.\n"
                    "Turn it on. If you do not see it, look for Manage "
                    "BitLocker in the Start menu.\n"
                    "Keep the recovery key where your organisation asks you "
                    "to.",
        [MACOS]   = "Open System Settings, then Privacy & Security.\n"
                    "Under FileVault, choose Turn On.\n"
                    "Keep the recovery key where your organisation asks you "
                    "to.",
        [LINUX]   = "A disk is encrypted when the system is installed (LUKS).\n"
                    ASK } },

    { "bitlocker_off", "BitLocker is off",
      "If the PC is lost or stolen, whoever finds it could read your mail.",
      { [OTHER]   = "Turn on disk encryption in the security settings.\n" ASK,
        [WINDOWS] = "Type Manage BitLocker into the Start menu, and open it.\n"
                    "Beside your system drive, choose Turn on BitLocker (or "
                    "Resume protection).\n"
                    "Keep the recovery key where your organisation asks you "
                    "to." } },

    { "passcode_missing", "There is no screen lock",
      "Anyone who picks the device up could open your mail.",
      { [OTHER]   = "Set a password or a PIN in the system's settings.\n"
                    "Let the screen lock by itself after a few minutes.",
        [IOS]     = "Open Settings, then Face ID & Passcode (or Touch ID & "
                    "Passcode).\n"
                    "Tap Turn Passcode On, and choose six digits or more.",
        [ANDROID] = "Open Settings, then Security and privacy, then Screen "
                    "lock.\n"
                    "Choose PIN or Password, six characters or more.",
        [WINDOWS] = "Open Settings, then Accounts, then Sign-in options.\n"
                    "Set a PIN or a password.\n"
                    "Let Windows ask for it again when the PC wakes up.",
        [MACOS]   = "Open System Settings, then Lock Screen.\n"
                    "Require the password immediately after the screen "
                    "turns off." } },

    { "jailbroken", "The system has been modified",
      "A modified system (jailbroken or rooted) cannot keep apps apart, so "
      "your mail is not safe on it.",
      { [OTHER]   = "Back up what you need.\n"
                    "Install the system afresh from its maker.\n" ASK,
        [IOS]     = "Back up your photos and documents.\n"
                    "Connect the device to a computer, and choose Restore in "
                    "Finder or iTunes.\n"
                    "Set it up again, without the modification.",
        [ANDROID] = "Back up your photos and documents.\n"
                    "Install the maker's own system, and lock the boot loader "
                    "again.\n"
                    ASK } },

    { "antivirus_off", "Virus protection is off",
      "Harmful files would go unnoticed.",
      { [OTHER]   = "Turn on the virus protection your organisation uses.\n"
                    "Let it update itself.",
        [ANDROID] = "Open the Play Store, and tap your picture.\n"
                    "Tap Play Protect, then Scan.\n"
                    "In its settings, turn on Scan apps with Play Protect.",
        [WINDOWS] = "Open Windows Security from the Start menu.\n"
                    "Choose Virus & threat protection.\n"
                    "Turn on Real-time protection, and choose Check for "
                    "updates." } },

    { "firewall_off", "The firewall is off",
      "Others in the same network could reach this device.",
      { [OTHER]   = "Turn on the firewall in the system's settings.",
        [WINDOWS] = "Open Windows Security from the Start menu.\n"
                    "Choose Firewall & network protection.\n"
                    "Turn it on for every network that is listed.",
        [MACOS]   = "Open System Settings, then Network, then Firewall.\n"
                    "Turn it on." } },

    { "secure_boot_off", "Secure Boot is off",
      "Something could change the system before it starts.",
      { [OTHER]   = "Secure Boot is turned on in the firmware's setup.\n"
                    ASK } },

    { "threat_detected", "A harmful app was found",
      "It could read your mail.",
      { [OTHER]   = "Open your protection app, and remove what it found.\n"
                    "Restart.\n"
                    "If it comes back, contact your help desk at once." } },

    { "risk_high", "This device is at risk",
      "Your organisation's protection sees signs of an attack.",
      { [OTHER]   = "Open your protection app, and follow what it says.\n"
                    "Do not enter passwords on this device until it is clean.\n"
                    ASK } },

    { "out_of_contact", "Not heard from for too long",
      "Your organisation cannot tell whether this device is still in order.",
      { [OTHER]   = "Connect to the internet.\n"
                    "Open your organisation's management app and let it "
                    "check in.\n"
                    "Wait five minutes.",
        [IOS]     = "Connect to Wi-Fi and to power, and unlock the screen.\n"
                    "Open your organisation's management app (Company Portal, "
                    "for example), choose this device, then Check Status.\n"
                    "Wait five minutes.",
        [ANDROID] = "Connect to Wi-Fi.\n"
                    "Open your organisation's management app (Company Portal, "
                    "for example), choose this device, then Check device "
                    "settings.\n"
                    "Wait five minutes.",
        [WINDOWS] = "Connect to the internet.\n"
                    "Open Settings, then Accounts, then Access work or "
                    "school.\n"
                    "Choose your account, then Info, then Sync.",
        [MACOS]   = "Connect to the internet.\n"
                    "Open your organisation's management app, choose this "
                    "device, then Check Status." } },

    { "not_enrolled", "This device is not enrolled",
      "Your organisation gives mail only to devices that are signed up with "
      "it.",
      { [OTHER]   = "Sign this device up the way your organisation told you "
                    "to (its management app, or an enrolment link).\n"
                    "Wait five minutes.\n"
                    "If you have done so before, contact your help desk and "
                    "quote the reference below." } },

    { "not_managed", "This device is not managed",
      "Your organisation gives mail only to devices that it looks after.",
      { [OTHER]   = "Install your organisation's management app, and sign in "
                    "there.\n"
                    "Follow it to its end, and wait five minutes." } },

    { "device_retired", "This device was retired",
      "It was taken out of service, so it gets no mail any more.",
      { [OTHER]   = "If you still use it, sign it up again the way your "
                    "organisation told you to.\n" ASK } },

    { "wrong_owner", "This device belongs to another account",
      "Mail opens on it only for the person it is registered to.",
      { [OTHER]   = "Sign in as the person this device is registered to.\n"
                    ASK } },

    { "proof_missing", "This device has not shown who it is",
      "Your organisation asks a device for a certificate.",
      { [OTHER]   = "Open your organisation's management app, and let it "
                    "install the certificate or the mail profile.\n"
                    "Use the mail account that it set up, not one you typed "
                    "in yourself.\n"
                    "In a browser: choose the certificate when you are "
                    "asked." } },

    { "client_not_allowed", "This app may not be used for your mail",
      "Your organisation allows certain mail apps only.",
      { [OTHER]   = "Install the mail app your organisation provides.\n"
                    "Take the account out of the other app." } },

    { "protocol_denied", "This way to your mail is closed",
      "Your organisation has switched this kind of access off.",
      { [OTHER]   = "Use the mail app your organisation provides, or its web "
                    "mail." } },

    { "account_blocked", "Your account is closed",
      "Your organisation has ended access for this account.",
      { [OTHER]   = ASK } },

    { "blocked_by_admin", "Access was stopped by your organisation",
      "An administrator has blocked this device.",
      { [OTHER]   = ASK } },

    { "", "A security rule is not met",
      "Your organisation's device check found something to put right.",
      { [OTHER]   = "Open your organisation's management app: it shows what "
                    "is missing.\n"
                    "Put it right, and let the app check again.\n" ASK } },
};

/* NOLINTEND(bugprone-suspicious-missing-comma) */

const size_t compliance_remedies_n =
    sizeof(compliance_remedies) / sizeof(compliance_remedies[0]);


compliance_platform_t
compliance_platform_parse(compliance_str_t name)
{
    for (unsigned i = 0; i < COMPLIANCE_PLATFORMS; i++) {
        if (compliance_str_is(name, platforms[i].name)) {
            return (compliance_platform_t) i;
        }
    }

    return COMPLIANCE_PLATFORM_OTHER;
}


const char *
compliance_platform_noun(compliance_platform_t platform)
{
    if ((unsigned) platform >= COMPLIANCE_PLATFORMS) {
        platform = COMPLIANCE_PLATFORM_OTHER;
    }

    return platforms[platform].noun;
}


const compliance_remedy_t *
compliance_remedy_find(compliance_str_t code)
{
    size_t last = compliance_remedies_n - 1;

    for (size_t i = 0; i < last; i++) {
        compliance_str_t known = { compliance_remedies[i].code,
                                   strlen(compliance_remedies[i].code) };

        if (compliance_str_eq(code, known)) {
            return &compliance_remedies[i];
        }
    }

    return &compliance_remedies[last];
}


const char *
compliance_remedy_steps(const compliance_remedy_t *remedy,
    compliance_platform_t platform)
{
    if (platform == COMPLIANCE_PLATFORM_IPADOS
        && remedy->steps[platform] == NULL)
    {
        platform = COMPLIANCE_PLATFORM_IOS;
    }

    if ((unsigned) platform >= COMPLIANCE_PLATFORMS
        || remedy->steps[platform] == NULL)
    {
        platform = COMPLIANCE_PLATFORM_OTHER;
    }

    return remedy->steps[platform];
}

// A user's way through the gate, in a real Chromium: web mail -> portal ->
// device put right -> back where he came from.  The device is a TLS client
// certificate, as an MDM would put it there.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { after, afterEach, before, describe, test } from 'node:test';
import { chromium } from 'playwright-core';

const env = Object.fromEntries(readFileSync(process.env.DEMO_ENV, 'utf8')
    .split('\n')
    .map((line) => line.match(/^(?:export )?([A-Z_0-9]+)=(.*)$/))
    .filter(Boolean)
    .map(([, name, value]) => [name, value.replace(/^(['"])(.*)\1$/, '$2')]));

const SHOTS = process.env.SHOTS;
const PORTAL = new URL(env.GATEWAY_PORTAL_URL);
const CHECK_AGAIN = { name: /check again/i };

const mails = {
    roundcube: {
        url: env.GATEWAY_ROUNDCUBE_URL,
        form: 'input[name="_user"]',
        async login(page, user, password) {
            await page.fill('input[name="_user"]', user);
            await page.fill('input[name="_pass"]', password);
            await page.click('#rcmloginsubmit, button[type="submit"]');
        },
        inside: '#messagelist, #mailboxlist, #layout-list',
    },
    sogo: {
        url: env.GATEWAY_SOGO_URL,
        form: 'input[ng-model="app.creds.username"], input[name="username"]',
        async login(page, user, password) {
            await page.fill(this.form, user);
            await page.fill('input[type="password"]', password);
            await page.keyboard.press('Enter');
        },
        inside: 'text=Message 1 for',
    },
};

let browser;

function ctl(...args) {
    execFileSync(env.COMPLIANCECTL, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

function certificate(device, url) {
    return {
        origin: new URL(url).origin,
        certPath: env[`${device}_CERT`],
        keyPath: env[`${device}_KEY`],
    };
}

// device: DEMO_DEVICE_COMPLIANT ..., or null for a browser that proves none.
async function open(device, url, options = {}) {
    const certs = device ? [certificate(device, url), certificate(device, PORTAL.href)] : [];
    const unique = [...new Map(certs.map((c) => [c.origin, c])).values()];
    const context = await browser.newContext({
        ignoreHTTPSErrors: true,
        ...(unique.length ? { clientCertificates: unique } : {}),
        ...options,
    });
    context.setDefaultTimeout(20_000);
    return context;
}

async function shot(page, name) {
    await page.screenshot({ path: `${SHOTS}/${name}.png`, fullPage: true });
}

function onPortal(page) {
    const at = new URL(page.url());
    assert.equal(at.origin, PORTAL.origin);
    assert.ok(at.pathname.startsWith(PORTAL.pathname), `not on the portal: ${at.pathname}`);
}

before(async () => {
    mkdirSync(SHOTS, { recursive: true });
    browser = await chromium.launch({
        executablePath: '/usr/bin/chromium',
        args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--disable-quic',
            '--no-first-run', '--disable-background-networking', '--disable-component-update',
            '--disable-sync'],
    });
});

after(async () => {
    await browser?.close();
});

for (const [name, mail] of Object.entries(mails)) {
    describe(name, () => {
        afterEach(() => {
            ctl('device', 'set', env.DEMO_DEVICE_NONCOMPLIANT, 'state=noncompliant');
        });

        test('a compliant device logs in and sees the mailbox', async () => {
            const context = await open('DEMO_DEVICE_COMPLIANT', mail.url);
            const page = await context.newPage();
            await page.goto(mail.url);
            await page.waitForSelector(mail.form);
            await mail.login(page, env.DEMO_USER, env.DEMO_PASSWORD);
            await page.waitForSelector(mail.inside);
            await shot(page, `${name}-mailbox`);
            await context.close();
        });

        for (const javaScriptEnabled of [true, false]) {
            const how = javaScriptEnabled ? '' : ', without JavaScript';
            test(`a blocked device is led to the portal and back when it is put right${how}`, async () => {
                const context = await open('DEMO_DEVICE_NONCOMPLIANT', mail.url, { javaScriptEnabled });
                const page = await context.newPage();
                await page.goto(mail.url);
                onPortal(page);
                assert.equal(await page.locator('h1').count(), 1);
                await shot(page, `portal-${name}${javaScriptEnabled ? '' : '-nojs'}`);

                // Not yet: the page says so, and stays.
                await page.getByRole('button', CHECK_AGAIN).click();
                onPortal(page);
                await page.getByRole('button', CHECK_AGAIN).waitFor();

                ctl('device', 'set', env.DEMO_DEVICE_NONCOMPLIANT, 'state=compliant');
                await page.getByRole('button', CHECK_AGAIN).click();
                await page.waitForURL((url) => url.origin === new URL(mail.url).origin
                    && !url.pathname.startsWith(PORTAL.pathname));
                if (javaScriptEnabled) {
                    await page.waitForSelector(mail.form);
                    await mail.login(page, env.DEMO_USER, env.DEMO_PASSWORD);
                    await page.waitForSelector(mail.inside);
                }
                await context.close();
            });
        }

        test('a browser that proves no device sees that it is not enrolled, and no name', async () => {
            const context = await open(null, mail.url);
            const page = await context.newPage();
            await page.goto(mail.url);
            onPortal(page);
            const text = await page.innerText('body');
            assert.match(text, /not enrolled/i);
            assert.doesNotMatch(text, new RegExp(env.DEMO_USER, 'i'));
            await shot(page, `portal-${name}-unproven`);
            await context.close();
        });

        test('a login under another name than the device\'s owner does not go through', async () => {
            const context = await open('DEMO_DEVICE_COMPLIANT', mail.url);
            const page = await context.newPage();
            await page.goto(mail.url);
            await page.waitForSelector(mail.form);
            const answered = page.waitForResponse((r) => r.request().method() === 'POST');
            await mail.login(page, env.DEMO_BREAK_GLASS_USER, env.DEMO_BREAK_GLASS_PASSWORD);
            const status = (await answered).status();
            assert.ok([303, 403].includes(status), `the login was answered ${status}`);
            assert.equal(await page.locator(mail.inside).count(), 0);
            await context.close();
        });
    });
}

describe('the portal page', () => {
    for (const [look, options] of Object.entries({
        light: { colorScheme: 'light' },
        dark: { colorScheme: 'dark' },
        phone: { viewport: { width: 320, height: 640 } },
    })) {
        test(`is readable: ${look}`, async () => {
            const url = env.GATEWAY_ROUNDCUBE_URL;
            const context = await open('DEMO_DEVICE_NONCOMPLIANT', url, options);
            const page = await context.newPage();
            const refused = [];
            page.on('console', (m) => m.type() === 'error' && refused.push(m.text()));
            page.on('request', (r) => {
                if (new URL(r.url()).hostname !== PORTAL.hostname) refused.push(r.url());
            });
            await page.goto(url);
            onPortal(page);
            const wider = await page.evaluate(() => document.documentElement.scrollWidth
                - document.documentElement.clientWidth);
            assert.ok(wider <= 0, `scrolls sideways by ${wider} px`);
            assert.deepEqual(refused.filter((t) => !/status of 403/.test(t)), []);
            await shot(page, `portal-${look}`);
            await context.close();
        });
    }
});

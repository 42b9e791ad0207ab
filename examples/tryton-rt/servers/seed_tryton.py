"""Fills a Tryton database with the business of a small shop: its accounts, customers, articles, stock, sales, shipments
and invoices. Each customer stands for one way in which a complaint can end; story() says which.

    seed_tryton.py CONFIG DATABASE     prints nothing; a database that is seeded already is left as it is
"""
import datetime
import os
import sys
from decimal import Decimal

from dateutil.relativedelta import relativedelta
from trytond.config import config as server

server.update_etc(sys.argv[1])  # before all else of Tryton, which looks for its database when it is imported
os.environ.setdefault('DB_NAME', ':memory:')  # the helpers below stand among Tryton's tests, which want a name
from proteus import Model, config
from trytond.modules.account.tests.tools import (
    create_chart, create_fiscalyear, create_tax, get_accounts)
from trytond.modules.account_invoice.tests.tools import (
    create_payment_term, set_fiscalyear_invoice_sequences)
from trytond.modules.company.tests.tools import create_company, get_company
from trytond.modules.currency.tests.tools import get_currency
from trytond.exceptions import UserWarning

TODAY = datetime.date.today()

ARTICLES = [  # code, name, category, price, pieces in stock
    ('KE-17', 'Kettle Aria 1.7 l', 'Kitchen', '89.00', 12),
    ('LA-02', 'Desk lamp Lumo', 'Lighting', '129.50', 7),
    ('CH-40', 'Oak chair Fjord', 'Furniture', '240.00', 4),
    ('BA-05', 'Leather bag Kalle', 'Accessories', '75.00', 9),
    ('ES-90', 'Espresso machine Corto', 'Kitchen', '749.00', 0),
]

CUSTOMERS = [  # name, e-mail, telephone, country, language, tier
    ('Jane Doe', 'jane@example.com', '+49 30 5550101', 'DE', 'en', 'Gold'),
    ('Otto Brandt', 'otto@example.com', '+49 30 5550102', 'DE', 'de', None),
    ('Nils Holm', 'nils@example.com', '+45 5550103', 'DK', 'en', None),
    ('Paula Costa', 'paula@example.com', '+351 5550104', 'PT', 'en', None),
    ('Vera Lind', 'vera@example.com', '+46 5550105', 'SE', 'en', None),
    ('Emil Roth', 'emil@example.com', '+43 5550106', 'AT', 'de', 'Platinum'),
    ('Mary Jones', 'mary@example.com', '+1 5550107', 'US', 'en', None),
    ('Mary Jones', 'mary.jones@example.org', '+1 5550108', 'US', 'en', None),
]


def press(record, button):
    """Presses a button, and says yes where Tryton asks whether that is meant."""
    while True:
        try:
            return record.click(button)
        except UserWarning as asked:
            user, = Model.get('res.user').find([('login', '=', 'admin')])
            Model.get('res.user.warning')(user=user, name=asked.name, always=True).save()


def months_ago(n):
    return TODAY - relativedelta(months=n)


def story():
    """Customer, article, pieces, months since the sale, what became of it."""
    return [
        (0, 'KE-17', 1, 2, 'delivered'),    # under warranty, and another one is in stock
        (1, 'BA-05', 1, 15, 'delivered'),   # the warranty of an accessory has run out
        (2, 'LA-02', 1, 0, 'waiting'),      # not shipped yet
        (3, 'LA-02', 3, 1, 'partly'),       # one of three was shipped
        (4, 'CH-40', 1, 1, 'void'),         # the invoice was cancelled
        (5, 'ES-90', 1, 3, 'delivered'),    # under warranty, none in stock, dear enough for an approval
        (6, 'KE-17', 1, 4, 'delivered'),    # no depot ships to that country
        (7, 'LA-02', 2, 0, 'quoted'),       # a quotation, which is no purchase
    ]


def masters():
    """Company, accounts, and what sales need before there can be any."""
    eur = get_currency('EUR')
    countries = {}
    for code, name in [('DE', 'Germany'), ('AT', 'Austria'), ('DK', 'Denmark'), ('PT', 'Portugal'), ('SE', 'Sweden'), ('US', 'United States')]:
        countries[code] = Model.get('country.country')(code=code, name=name)
        countries[code].save()
    Party = Model.get('party.party')
    house = Party(name='Nordwind Home')
    house.save()
    create_company(house, currency=eur)
    company = get_company()
    company.cancel_invoice_out = True
    company.save()
    years = {TODAY.year, months_ago(15).year, months_ago(4).year}
    for year in range(min(years), TODAY.year + 1):
        fiscal = set_fiscalyear_invoice_sequences(create_fiscalyear(company, datetime.date(year, 6, 1)))
        press(fiscal, 'create_period')
    create_chart(company)
    accounts = get_accounts(company)
    term = create_payment_term()
    term.save()
    return eur, countries, company, accounts, term


def number_from(kind, first, prefix=''):
    """Numbers as they are on papers: long enough to be told from a quantity."""
    kind, = Model.get('ir.sequence.type').find([('name', '=', kind)])
    for model in ('ir.sequence', 'ir.sequence.strict'):
        for sequence in Model.get(model).find([('sequence_type', '=', kind.id)]):
            sequence.number_next, sequence.prefix = first, prefix and prefix % sequence.name[-2:]
            sequence.save()


def articles(accounts):
    Category, Template = Model.get('product.category'), Model.get('product.template')
    unit, = Model.get('product.uom').find([('name', '=', 'Unit')])
    accounting = Category(name='Goods', accounting=True, account_revenue=accounts['revenue'], account_expense=accounts['expense'])
    accounting.save()
    kinds, products = {}, {}
    for code, name, kind, price, _ in ARTICLES:
        if kind not in kinds:
            kinds[kind] = Category(name=kind)
            kinds[kind].save()
        template = Template(name=name, default_uom=unit, type='goods', salable=True, list_price=Decimal(price), account_category=accounting)
        template.categories.append(Category(kinds[kind].id))
        product, = template.products
        product.suffix_code = code
        product.cost_price = (Decimal(price) / 2).quantize(Decimal('0.01'))
        template.save()
        products[code], = Model.get('product.product').find([('code', '=', code)])
    return products


def warehouse(countries, products):
    """One depot; its pieces come in by an inventory."""
    Location, Address = Model.get('stock.location'), Model.get('party.address')
    depot, = Location.find([('type', '=', 'warehouse')], limit=1)
    Inventory = Model.get('stock.inventory')
    inventory = Inventory(location=depot.storage_location, date=TODAY, empty_quantity='keep')
    for code, _, _, _, pieces in ARTICLES:
        line = inventory.lines.new()
        line.product, line.quantity, line.expected_quantity = products[code], pieces + 20, 0
    inventory.save()
    press(inventory, 'confirm')
    return depot


def customers(countries, accounts, term):
    Party, Category, Lang = Model.get('party.party'), Model.get('party.category'), Model.get('ir.lang')
    Lang.write([lang.id for lang in Lang.find([('code', 'in', ['en', 'de'])])], {'translatable': True}, config.get_config().context)
    tiers, made = {}, []
    for name, email, phone, country, language, tier in CUSTOMERS:
        party = Party(name=name, customer_payment_term=term)
        party.lang, = Lang.find([('code', '=', language)])
        address, = party.addresses
        address.city, address.country = 'Town', countries[country]
        for kind, value in [('email', email), ('phone', phone)]:
            contact = party.contact_mechanisms.new(type=kind)
            contact.value = value
        if tier:
            if tier not in tiers:
                tiers[tier] = Category(name=tier)
                tiers[tier].save()
            party.categories.append(Category(tiers[tier].id))
        party.save()
        made.append(party)
    return made


def sell(party, product, pieces, day):
    sale = Model.get('sale.sale')(party=party, sale_date=day, invoice_method='order')
    line = sale.lines.new()
    line.product, line.quantity = product, pieces
    sale.save()
    press(sale, 'quote')
    return sale


def ship(sale, pieces, day):
    """Picks and sends so many pieces; what is left waits in a shipment of its own."""
    shipment, = [s for s in sale.shipments if s.state == 'waiting']
    for move in shipment.inventory_moves:
        if move.quantity != pieces:
            move.quantity = pieces
    shipment.effective_date = day
    shipment.save()
    press(shipment, 'assign_force')
    press(shipment, 'pick')
    press(shipment, 'pack')
    shipment.effective_date = day
    shipment.save()
    press(shipment, 'done')


def play(parties, products):
    # The oldest first: invoices are numbered in the order of their dates.
    for number, code, pieces, months, end in sorted(story(), key=lambda one: -one[3]):
        day = months_ago(months)
        sale = sell(parties[number], products[code], pieces, day)
        if end == 'quoted':
            continue
        press(sale, 'confirm')
        press(sale, 'process')
        sale.reload()
        invoice, = sale.invoices
        invoice.invoice_date = day
        invoice.save()
        press(invoice, 'post')
        if end == 'void':
            press(invoice, 'cancel')
        if end in ('delivered', 'void'):
            ship(sale, pieces, min(TODAY, day + relativedelta(days=2)))
        elif end == 'partly':
            ship(sale, 1, min(TODAY, day + relativedelta(days=2)))


def settle_stock(depot, products):
    """What is left after all sales is what ARTICLES says."""
    inventory = Model.get('stock.inventory')(location=depot.storage_location, date=TODAY, empty_quantity='keep')
    for code, _, _, _, pieces in ARTICLES:
        line = inventory.lines.new()
        line.product, line.quantity = products[code], pieces
    inventory.save()
    press(inventory, 'confirm')


def taxed(company, accounts):
    """An article with a tax, and the way in which payments come. Made after all else, so that nothing else has other numbers."""
    tax = create_tax(Decimal('0.19'))
    tax.save()
    Category, Template = Model.get('product.category'), Model.get('product.template')
    unit, = Model.get('product.uom').find([('name', '=', 'Unit')])
    accounting = Category(name='Goods with tax', accounting=True, account_revenue=accounts['revenue'], account_expense=accounts['expense'])
    accounting.customer_taxes.append(tax)
    accounting.save()
    template = Template(name='Teapot Nori', default_uom=unit, type='goods', salable=True, list_price=Decimal('40.00'), account_category=accounting)
    product, = template.products
    product.suffix_code = 'TE-01'
    product.cost_price = Decimal('20.00')
    template.save()
    journal, = Model.get('account.journal').find([('type', '=', 'cash')], limit=1)
    Model.get('account.invoice.payment.method')(name='Bank transfer', company=company, journal=journal,
        credit_account=accounts['cash'], debit_account=accounts['cash']).save()


def reader(company):
    """The user that Crosswalk logs in as."""
    User, Group = Model.get('res.user'), Model.get('res.group')
    user = User(name='Crosswalk', login='crosswalk', password='for-the-example')
    user.companies.append(Model.get('company.company')(company.id))
    user.company = company
    for group in Group.find([]):
        user.groups.append(Group(group.id))
    user.save()


def main(config_file, database):
    config.set_trytond(database, config_file=config_file)
    if Model.get('res.user').find([('login', '=', 'crosswalk')]):
        return
    eur, countries, company, accounts, term = masters()
    number_from('Sale', 10427)
    number_from('Invoice', 2001, 'R%s-')  # each year has a sequence of its own
    products = articles(accounts)
    depot = warehouse(countries, products)
    parties = customers(countries, accounts, term)
    play(parties, products)
    settle_stock(depot, products)
    taxed(company, accounts)
    reader(company)


if __name__ == '__main__':
    main(*sys.argv[1:])

package sandbox

import (
	"net/http"
	"strconv"
	"strings"
)

// load makes the records of the world.
func (c *crm) load(w *World) {
	companies := map[int]*crmObject{}
	for i, o := range w.Organisations {
		x := &crmObject{id: o.CompanyID, created: w.since(1500 - i), properties: map[string]string{
			"name": o.Name, "domain": o.Domain, "phone": spacedPhone(o.Phone), "city": o.Address.City, "zip": o.Address.PostalCode,
			"address": o.Address.Street, "country": o.Address.Country, "invoice_email": o.Email,
			"hs_searchable_calculated_phone_number": nationalPhone(o.Phone),
		}}
		companies[o.ID] = x
		c.companies.add(x)
	}
	mailed := map[string]bool{}
	for i, p := range w.Customers {
		if p.ContactID == "" {
			continue
		}
		x := &crmObject{id: p.ContactID, created: w.since(1490 - i), properties: map[string]string{
			"firstname": p.First, "lastname": p.Last, "phone": spacedPhone(p.Phone), "twitterhandle": p.Handle, "hs_language": p.Language,
			"address": p.Address.Street, "city": p.Address.City, "zip": p.Address.PostalCode, "country": p.Address.Country,
			"customer_tier": p.Tier, "lifecyclestage": "customer", "hs_searchable_calculated_phone_number": nationalPhone(p.Phone),
		}}
		if mailed[p.Email()] { // an address is unique among contacts; the second person of a household has it as another property
			x.properties["work_email"] = p.Email()
		} else if p.Email() != "" {
			x.properties["email"] = strings.ToLower(p.Email())
			x.properties["hs_additional_emails"] = strings.Join(p.Emails[1:], ";")
		}
		mailed[p.Email()] = true
		if company := companies[p.Organisation]; company != nil {
			x.properties["company"] = company.properties["name"]
			x.related, company.related = []string{company.id}, append(company.related, x.id)
		}
		c.contacts.add(x)
	}
}

func (o *crmObjects) add(x *crmObject) {
	stamp := x.created.Format("2006-01-02T15:04:05.000Z")
	x.properties["createdate"], x.properties["hs_object_id"] = stamp, x.id
	x.properties["lastmodifieddate"], x.properties["hs_lastmodifieddate"] = stamp, stamp
	if o.byID == nil {
		o.byID, o.having, o.equal = map[string]*crmObject{}, map[string][]*crmObject{}, map[[2]string][]*crmObject{}
	}
	x.at, x.lower = len(o.list), map[string]string{}
	for name, value := range x.properties {
		x.lower[name] = strings.ToLower(value)
		if value != "" {
			key := [2]string{name, x.lower[name]}
			o.having[name], o.equal[key] = append(o.having[name], x), append(o.equal[key], x)
		}
	}
	o.byID[x.id] = x
	o.list = append(o.list, x)
}

// spacedPhone is how the CRM's users write a number: "+49 40 3874522".
func spacedPhone(number string) string {
	tail := number[len(number)-9:]
	return number[:len(number)-9] + " " + tail[:2] + " " + tail[2:]
}

// nationalPhone is a number without its calling code, as the CRM calculates it for searches.
func nationalPhone(number string) string { return number[len(number)-9:] }

func (c *crm) other(o *crmObjects) *crmObjects {
	if o == c.contacts {
		return c.companies
	}
	return c.contacts
}

func (o *crmObjects) associations(x *crmObject, to *crmObjects) []object {
	list := []object{}
	for _, id := range x.related {
		list = append(list, object{"id": id, "type": o.singular + "_to_" + to.singular})
	}
	return list
}

// associate serves the associations of an object type in the three ways that the product offers.
func (c *crm) associate(from *crmObjects) {
	to := c.other(from)
	notFound := func(w http.ResponseWriter) {
		crmError(w, http.StatusNotFound, "OBJECT_NOT_FOUND", "Object not found.  objectId are usually numeric.")
	}
	c.mux.HandleFunc("GET /crm/v3/objects/"+from.kind+"/{id}/associations/"+to.kind, func(w http.ResponseWriter, r *http.Request) {
		x := from.byID[r.PathValue("id")]
		if x == nil {
			notFound(w)
			return
		}
		reply(w, http.StatusOK, object{"results": from.associations(x, to)})
	})
	c.mux.HandleFunc("GET /crm/v4/objects/"+from.kind+"/{id}/associations/"+to.kind, func(w http.ResponseWriter, r *http.Request) {
		x := from.byID[r.PathValue("id")]
		if x == nil {
			notFound(w)
			return
		}
		results := []object{}
		for _, id := range x.related {
			n, _ := strconv.ParseInt(id, 10, 64) // our own ids are decimal
			results = append(results, object{"toObjectId": n, "associationTypes": []object{{"category": "HUBSPOT_DEFINED", "typeId": 1, "label": "Primary"}}})
		}
		reply(w, http.StatusOK, object{"results": results})
	})
	c.mux.HandleFunc("POST /crm/v3/associations/"+from.kind+"/"+to.kind+"/batch/read", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Inputs []struct {
				ID string `json:"id"`
			} `json:"inputs"`
		}
		if err := decodeStrict(r, &body); err != nil {
			crmError(w, http.StatusBadRequest, "VALIDATION_ERROR", "Invalid input JSON on line 1, column 1: "+err.Error())
			return
		}
		results := []object{}
		for _, input := range body.Inputs {
			if x := from.byID[input.ID]; x != nil && len(x.related) > 0 {
				results = append(results, object{"from": object{"id": x.id}, "to": from.associations(x, to)})
			}
		}
		stamp := "2026-01-01T00:00:00.000Z"
		reply(w, http.StatusOK, object{"status": "COMPLETE", "results": results, "startedAt": stamp, "completedAt": stamp})
	})
}

package sandbox

// Login is what a system asks of who calls it. Which fields count depends on the system.
type Login struct {
	User     string `json:"user,omitempty"`
	Password string `json:"password,omitempty"`
	Token    string `json:"token,omitempty"`
}

// Logins of the stand-ins. They are fixed: the sandbox listens on loopback and holds invented data only.
var (
	CRMLogin        = Login{Token: "pat-eu1-6b1d0c52-nordwind-demo"}
	InvoicingLogin  = Login{Token: "sk_test_51NordwindHomeDemo"}
	OrdersLogin     = Login{User: "ck_nordwind0000000000000000000000000000demo", Password: "cs_nordwind0000000000000000000000000000demo"}
	FulfilmentLogin = Login{User: "lager", Password: "nordwind-2009"}
	SupportLogin    = Login{User: "crosswalk@nordwind-home.example", Token: "zd-nordwind-demo-token"}
	WarehouseLogin  = Login{User: "crosswalk_read", Password: "read-only-demo"}
)
